# The menu. Two commands do everything on a machine with Python 3.11+, Node 20+ and make: `make run` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH_ARGS ?=
TEST_ARGS ?=
# Three on two cores: many a test of processes waits for a lease to end, or for a server that says nothing.
TEST_WORKERS ?= 3
UI_WORKERS ?= 2
BUILT := dynamail/web/static_built/manifest.json
FRONTEND_SOURCES := $(shell find frontend/src dynamail/web/templates dynamail/web/icons -type f 2>/dev/null) frontend/package-lock.json

.PHONY: help run test check fix setup system-packages build sdk chaos clean story docs

help: ## show this menu
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 26

run: setup ## set up, then run everything with the demo account; prints the address and the sign-in
	DYNAMAIL_OPEN_SYSTEM_MAILBOX=$${DYNAMAIL_OPEN_SYSTEM_MAILBOX:-true} $(BIN)/dynamail up --demo

test: setup system-packages tests/interop/node/node_modules/.stamp check ## set up, then pass every check and the whole suite
ifeq ($(strip $(TEST_ARGS)),)
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup --ignore=tests/ui
# The browser's driver keeps an event loop running in its process, which no other test could live with.
	$(BIN)/python -m pytest tests/ui -p no:randomly -n $(UI_WORKERS) --dist load
else
	$(BIN)/python -m pytest $(TEST_ARGS)
endif

check: setup ## formatting, lint, types, layers, spelling, and the builder's tree in Node
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python -m sdk.generate --check
	$(BIN)/mypy --config-file sdk/python/pyproject.toml sdk/python/src
	frontend/node_modules/.bin/tsc --noEmit --project sdk/typescript
	cd frontend && npx --no-install tsc --noEmit && npm test --silent

fix: setup ## repair what can be repaired by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(VENV)/.stamp $(BUILT) ## the virtual environment and the built front end

$(VENV)/.stamp: pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv sync --frozen --quiet
	@touch $@

frontend/node_modules/.stamp: frontend/package.json frontend/package-lock.json
	cd frontend && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

# A DKIM verifier for the interoperability tests.
tests/interop/node/node_modules/.stamp: tests/interop/node/package.json tests/interop/node/package-lock.json
	cd tests/interop/node && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

$(BUILT): frontend/node_modules/.stamp $(FRONTEND_SOURCES)
	cd frontend && npx --no-install vite build --logLevel warn

build: $(BUILT) ## the front end alone

sdk: setup ## write docs/api/openapi.json from the routes, and the clients' generated parts from it
	$(BIN)/dynamail openapi docs/api/openapi.json
	$(BIN)/python -m sdk.generate

system-packages: ## Chromium, Postfix, Exim, Dovecot, OpenDKIM and faketime for the browser and interoperability tests, where apt-get and root exist
	@bash tests/support/install_system_packages.sh

bench-%: setup ## a benchmark by name, such as bench-campaign; BENCH_ARGS=--quick takes under a minute
	$(BIN)/python -m benchmarks.$(subst -,_,$*) $(BENCH_ARGS)

bench-import: setup
	$(BIN)/python -m benchmarks.import_contacts $(BENCH_ARGS)

chaos: setup ## kill processes at random while campaigns leave, and the other drills; BENCH_ARGS=--quick takes some minutes
	$(BIN)/python -m benchmarks.chaos $(BENCH_ARGS)

clean: ## remove what was built; the data folder stays
	rm -rf $(VENV) frontend/node_modules tests/interop/node/node_modules dynamail/web/static_built .pytest_cache .mypy_cache .ruff_cache
