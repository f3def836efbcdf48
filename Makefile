# Needs Python 3.11 or later and make; everything else goes into .venv.
PYTHON ?= python3
PY := .venv/bin/python
.DEFAULT_GOAL := help
# Processes start by the dozen: what is compiled is kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.txt | .venv/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: requirements.txt requirements-dev.txt | .venv/runtime
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

# Node comes with the Python packages. What is built is newer than all that it is built from, or is built anew.
NODE := PATH="$(CURDIR)/.venv/bin:$$PATH"
FRONTEND_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

frontend/node_modules/.installed: frontend/package-lock.json | .venv/runtime
	cd frontend && $(NODE) npm ci --silent --no-fund --no-audit
	@touch $@

frontend/dist/manifest.json: frontend/node_modules/.installed $(FRONTEND_SOURCES)
	cd frontend && $(NODE) npm run --silent build
	@touch $@

.PHONY: frontend
frontend: frontend/dist/manifest.json ## Build the dashboard, if it changed

CONTRACTS := frontend/src/api/generated/*.ts frontend/src/live/generated.ts

.PHONY: contracts
contracts: .venv/runtime frontend/node_modules/.installed ## Write the dashboard's types anew from the API's schema
	@mkdir -p frontend/node_modules/.cache
	$(PY) manage.py spectacular --validate --fail-on-warn --format openapi-json --file frontend/node_modules/.cache/openapi.json
	cd frontend && $(NODE) npm run --silent contracts

.PHONY: run
run: .venv/runtime frontend ## Install what is missing and serve on http://127.0.0.1:8000
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) -m engine.warm --if-cold
	@exec $(PY) manage.py serve

.PHONY: run-services
run-services: .venv/runtime ## web, worker, beat and feed (Procfile) against DATABASE_URL and REDIS_URL
	@PY=$(PY) sh deploy/run_services.sh

.PHONY: kernels
kernels: .venv/runtime
	@$(PY) -m engine.warm --if-cold

.PHONY: test
test: .venv/dev frontend kernels ## Run the whole suite: on SQLite, then on PostgreSQL and Redis where they answer
	@$(PY) tests/run.py

.PHONY: exchange
exchange: .venv/dev ## The simulated exchange in full: 50 symbols for 30 hours with every fault, 500 symbols, a day of memory; a dated table
	EXCHANGE_HOURS=30 $(PY) -m pytest -q -p tests.exchange.table tests/exchange/test_full_counts.py tests/exchange/test_every_fault.py

.PHONY: check lint types documents page
check: lint types documents page ## Lint, formats, types, floors, migrations, documents (two at once: make -j2 check)

lint: .venv/dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: .venv/dev
	$(PY) -m mypy .

documents: .venv/dev
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py write_docs --check

page: .venv/dev frontend/node_modules/.installed
	cd frontend && $(NODE) npm run --silent check
	@before=$$(cat $(CONTRACTS) | cksum); $(MAKE) --silent contracts; test "$$before" = "$$(cat $(CONTRACTS) | cksum)" || \
		{ echo "the dashboard's types were stale; they are written anew now: commit them"; exit 1; }

.PHONY: study
study: .venv/dev kernels ## 100 random walks, 100 planted edges, value at risk over 2024, a month live against its backtest (half an hour)
	STUDY_SEEDS=100 $(PY) -m pytest -q tests/studies
	PARITY_DAYS=31 $(PY) -m pytest -q tests/backtest/test_parity.py -k days_of_ten

.PHONY: docs
docs: .venv/dev ## Write the generated documents in docs/ anew from the code
	$(PY) manage.py write_docs

.PHONY: bench
bench: .venv/dev ## Measure against peers (installs them: 1.5 GB); writes a dated report to bench/results/
	@PYTHON=$(PYTHON) sh bench/setup_peers.sh
	$(PY) -m bench.run
	$(PY) -m bench.backtests
	$(PY) -m bench.risk

.PHONY: bench-fanout
bench-fanout: .venv/dev ## Measure fan-out beside nchan and stock Channels (needs gcc, nginx-light, libnginx-mod-nchan)
	$(PY) -m bench.fanout.run

.PHONY: bench-dashboard
bench-dashboard: .venv/dev frontend ## Measure the first page in chromium: opening, frames, ten minutes of heap, 400 rows at 5 updates/s
	$(PY) -m bench.dashboard

.PHONY: bench-admin
bench-admin: .venv/dev ## Measure the admin's lists over 1 M signals and 10 M candles on PostgreSQL (some minutes, 8 GB)
	$(PY) -m bench.admin_lists

.PHONY: bench-scale
bench-scale: .venv/dev ## Measure ticks and starts over 2,000 series, and scans of 500 symbols, on PostgreSQL with workers on Redis
	$(PY) -m bench.scale

.PHONY: fuzz
fuzz: .venv/dev ## Run 500 random interleavings against a model, 5,000 requests, 20,000 frames, 10,000 tries to log in
	FUZZ_RUNS=500 $(PY) -m pytest -q -n 2 tests/wire/test_model.py
	FUZZ=1 $(PY) -m pytest -q -n 2 --dist loadfile tests/fuzz tests/access/test_login.py
	RESUMES=500 $(PY) -m pytest -q tests/socket/test_resume.py

.PHONY: faults
faults: .venv/dev kernels ## Kill, stop and lose in full numbers, then two hours of both at random (hours); dated tables to bench/results/
	@$(PY) tests/run.py faults

.PHONY: lock
lock: .venv/bin/python ## Pin requirements.in and requirements-dev.in anew
	$(PY) -m pip install --quiet uv
	.venv/bin/uv pip compile -q --upgrade requirements.in -o requirements.txt --no-header
	.venv/bin/uv pip compile -q --upgrade requirements-dev.in -o requirements-dev.txt --no-header

.PHONY: reset
reset: ## Start afresh: delete the default database, after asking
	@$(PY) manage.py reset
