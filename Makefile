# Everything a newcomer needs is Python 3.11 or later and make; the rest is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# For how long, and from which seed, `make soak` lets things go wrong.
MINUTES ?= 20
SEED ?= 1
.DEFAULT_GOAL := help
.PHONY: help demo test soak bench check format lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.runtime  ## set everything up and bring 40 recordings into a simulated API
	@$(BIN)/gong-ingest demo

test: $(VENV)/.dev  ## set everything up and run the tests
	$(BIN)/pytest

soak: $(VENV)/.dev  ## kill, freeze and lose everything for MINUTES, audited after each round
	$(BIN)/python -m tests.chaos.soak --minutes $(MINUTES) --seed $(SEED)

bench: $(VENV)/.bench  ## measure the limiter, alone and beside the libraries used instead (20 minutes)
	$(BIN)/python -m bench

check: $(VENV)/.dev  ## what CI runs: format, lint, types, layers, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

format: $(VENV)/.dev  ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.dev  ## write the lock files anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --group build --universal --upgrade --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev -c requirements.lock --universal --upgrade --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --group bench -c requirements.lock --universal --upgrade --generate-hashes --no-emit-index-url --no-header -q -o requirements-bench.lock

clean:  ## remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu the package python3-venv brings it." >&2; exit 1; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: requirements-bench.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@
