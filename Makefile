# Two commands on a fresh machine: `make demo` and `make test`. Both install what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Pythons that this machine may have beside the one in use: `make pythons` runs the unit tests on each.
OTHERS := 3.11 3.12 3.13
# A file stays with one process, and files go in the order of their names: the longest are in
# tests/acceptance, and start first.
SPREAD := --dist loadfile --no-loadscope-reorder

# What is about a CRM or about decisions more than about the database: `make test` runs it on SQLite,
# `make slow` on PostgreSQL as well.
ONCE := tests/acceptance/test_hubspot_*.py tests/acceptance/test_bad_input.py \
	tests/acceptance/test_bulk_kills.py tests/acceptance/test_quiet_day.py \
	tests/acceptance/test_escalation_kills.py tests/acceptance/test_guards.py \
	tests/acceptance/test_signals.py tests/acceptance/test_nine_faults*.py \
	tests/acceptance/test_faults.py tests/acceptance/test_state_loss.py \
	tests/unit/test_health_*.py \
	tests/unit/test_cli_*.py tests/unit/test_programmes_*.py tests/unit/test_sync_[a-g]*.py \
	tests/unit/test_sync_overrides.py tests/unit/test_sync_r[eo]*.py tests/unit/test_sync_sh*.py \
	tests/unit/test_sync_st[ar]*.py tests/unit/test_sync_steady.py tests/unit/test_sync_t*.py

# Tests run in a process a core: threads of Polars' own would only wait for each other.
test unit bottlecrm: export POLARS_MAX_THREADS = 1

.DEFAULT_GOAL := help
.PHONY: help demo test bench unit slow pythons bottlecrm lint types imports soak lock clean

help:  ## what there is
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'crm-health needs Python 3.11 or newer: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo 'This Python has no venv module (Debian: apt-get install python3-venv)' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## the main job on a CRM that runs on this machine: make demo CRM=hubspot
	@$(BIN)/crm-health demo --crm $(or $(CRM),salesforce)

test: $(READY)  ## all tests but the soak's and BottleCRM's, on SQLite and PostgreSQL
	$(BIN)/python -m pytest -n auto $(SPREAD) -m 'not slow and not bottlecrm'
	$(BIN)/python -m pytest -n auto $(SPREAD) -m 'database and not slow and not bottlecrm' \
		--database postgres $(addprefix --ignore-glob=,$(ONCE))

unit: $(READY)  ## unit tests only
	$(BIN)/python -m pytest -n auto $(SPREAD) tests/unit

slow: $(READY)  ## of what `make test` leaves out, what takes minutes and not hours
	$(BIN)/python -m pytest -n auto $(SPREAD) -m slow tests/acceptance/test_demo.py \
		tests/acceptance/test_nine_faults_stored.py tests/bench
	$(BIN)/python -m pytest -n auto $(SPREAD) -m 'database and not slow' --database postgres $(wildcard $(ONCE))

pythons: $(READY)  ## unit tests on the other Pythons found here
	@.ci/pythons $(BIN)/python $(OTHERS)

bottlecrm: $(READY)  ## the tests against a real CRM, where a Python for it is found
	@.ci/bottlecrm 3.12 3.13
	$(BIN)/python -m pytest -n auto $(SPREAD) -m bottlecrm tests/conformance tests/integration tests/acceptance

lint: $(READY)  ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## speed and memory as ratios: make bench CRM=hubspot SIZE=100000 DATABASE=postgres
	$(BIN)/python -m tests.bench --crm $(or $(CRM),salesforce) --size $(or $(SIZE),5000) \
		--database $(or $(DATABASE),sqlite)

soak: $(READY)  ## what takes longer than `make test` may
	$(BIN)/python -m pytest -n auto $(SPREAD) tests/unit --hypothesis-profile default
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest -m 'database and slow' --database postgres
	@$(MAKE) --no-print-directory pythons

lock: $(READY)  ## pin the requirements again, with hashes and without addresses
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -o requirements/dev.txt
	echo django-crm==1.35.0 | $(BIN)/uv pip compile -q --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-header --no-annotate - -o requirements/bottlecrm.txt

clean:  ## remove environments and caches
	rm -rf .venv .venv-3.* .venv-bottlecrm .mypy_cache .ruff_cache .import_linter_cache dist build
