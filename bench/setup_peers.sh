#!/bin/sh
# Makes one virtual environment for each peer under bench/.work/, from PyPI: their pins exclude each other's and ours.
# Some minutes and about 1.5 GB, once. A peer that is there already stays as it is; remove its folder to renew it.
set -eu
cd "$(dirname "$0")"
mkdir -p .work
for peer in freqtrade vectorbt backtesting; do
    if [ ! -e ".work/$peer/ready" ]; then
        "${PYTHON:-python3}" -m venv --clear ".work/$peer"
        ".work/$peer/bin/python" -m pip install --quiet --disable-pip-version-check "$peer"
        touch ".work/$peer/ready"
    fi
done
