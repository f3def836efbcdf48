#!/bin/sh
# Start web, worker, beat and feed of the Procfile against servers that are there; say which is missing.
set -eu
PATH="$(pwd)/.venv/bin:$PATH"
export PATH
: "${DATABASE_URL:=postgres://postgres@127.0.0.1:5432/realtime_agent}" "${REDIS_URL:=redis://127.0.0.1:6379/0}"
export DATABASE_URL REDIS_URL
python manage.py services
python manage.py migrate --verbosity 0
python -m engine.warm --if-cold
exec honcho start
