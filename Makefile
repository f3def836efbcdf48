# Needs Python 3.11 or later and make; everything else goes into .venv.
PYTHON ?= python3
PY := .venv/bin/python
.DEFAULT_GOAL := help

.PHONY: help
help: ## List these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.txt | .venv/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: requirements.txt requirements-dev.txt | .venv/runtime
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

.PHONY: run
run: .venv/runtime ## Install what is missing and serve on http://127.0.0.1:8000
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) -m engine.warm --if-cold
	@exec $(PY) manage.py serve

.PHONY: test
test: .venv/dev ## Run the whole suite: on SQLite, then on PostgreSQL and Redis where they answer
	@$(PY) -m engine.warm --if-cold
	@$(PY) tests/run.py

.PHONY: check
check: .venv/dev ## Lint, formats, types, floors, migrations, documents
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy .
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py makemigrations --check --dry-run

.PHONY: bench
bench: .venv/dev ## Measure against peers (installs them: 1.5 GB); writes a dated report to bench/results/
	@PYTHON=$(PYTHON) sh bench/setup_peers.sh
	$(PY) -m bench.run

.PHONY: lock
lock: .venv/bin/python ## Pin requirements.in and requirements-dev.in anew
	$(PY) -m pip install --quiet uv
	.venv/bin/uv pip compile -q --upgrade requirements.in -o requirements.txt --no-header
	.venv/bin/uv pip compile -q --upgrade requirements-dev.in -o requirements-dev.txt --no-header

.PHONY: reset
reset: ## Start afresh: delete the default database, after asking
	@$(PY) manage.py reset
