# Needs Python 3.11 or newer, pip and make; everything else comes from requirements.lock into .venv.
# Node, Go, and Java with Maven are used when they are there: the tests drive real SDK workers, and replay with real SDKs.
# So are Chromium and tmux, in which the terminal UI is tested; root on Debian gets them by `make setup-browser`.

.DEFAULT_GOAL := help
SHELL := /bin/bash

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
BOOTSTRAP_PYTHON ?= $(shell command -v python3.11 || command -v python3)
WORKERS ?= 2
PYTEST_ARGS ?=
PEER ?=
QUICK ?=
BENCH_ARGS ?=
SOAK_ARGS ?=

STAMP := $(VENV)/.installed
TS_DIR := tests/sdk/typescript
GO_DIR := tests/sdk/go
TS_STAMP := .make/typescript.stamp
GO_STAMP := .make/go.stamp
# The projects whose histories the replay runners replay; the TypeScript one uses the packages of $(TS_DIR).
RUNNERS_GO_DIR := tests/replay/runners/go
RUNNERS_JAVA_DIR := tests/replay/runners/java
RUNNERS_GO_STAMP := .make/runners-go.stamp
RUNNERS_JAVA_STAMP := .make/runners-java.stamp
# Schemas of reports that are not ours to keep here.
SCHEMAS_DIR := tests/replay/schemas
SCHEMAS_STAMP := .make/schemas.stamp

.PHONY: help setup setup-sdk setup-browser demo check test faults bench soak fmt docs lock clean

help:
	@echo 'make setup   install everything that is needed into .venv (the other targets do it by themselves)'
	@echo 'make demo    an order saga, from wfctl new to replay, with a kill -9 in the middle'
	@echo 'make test    the whole test suite'
	@echo 'make faults  the fault suite in full: kills at every commit boundary, broken disks, torn logs (~10 minutes)'
	@echo 'make check   format, lint, types, import contracts, generated docs'
	@echo 'make bench   workflows a second, latency, start-up, memory (PEER="COMMAND" compares, QUICK=1 takes two minutes)'
	@echo 'make soak    ten minutes of steady load: memory and latency stay flat'
	@echo 'make fmt     format and fix what can be fixed'
	@echo 'make docs    regenerate docs/COVERAGE.md and docs/commands.md'
	@echo 'make lock    pin the dependencies of pyproject.toml anew'

setup: $(STAMP)

# The stamp is older than the lock or pyproject.toml whenever either changed: then the environment is brought up to it.
$(STAMP): requirements.lock pyproject.toml
	@test -n "$(BOOTSTRAP_PYTHON)" || { echo 'no python3.11 or python3 on PATH'; exit 1; }
	@"$(BOOTSTRAP_PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'wfctl needs Python 3.11 or newer; hint: make BOOTSTRAP_PYTHON=/path/to/python3.11'; exit 1; }
	test -x $(PY) || "$(BOOTSTRAP_PYTHON)" -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The SDK workers of the tests: installed where the toolchain and the project are there, else left to the tests,
# which skip (and under CI fail) with the reason.
setup-sdk: $(TS_STAMP) $(SCHEMAS_STAMP) $(GO_STAMP) $(RUNNERS_GO_STAMP) $(RUNNERS_JAVA_STAMP)

$(TS_STAMP): $(wildcard $(TS_DIR)/package.json $(TS_DIR)/package-lock.json)
	@mkdir -p $(@D)
	@if [ -f $(TS_DIR)/package-lock.json ] && command -v npm >/dev/null; then \
		echo 'npm ci in $(TS_DIR)'; (cd $(TS_DIR) && npm ci --no-audit --no-fund --loglevel=error) && touch $@; \
	fi

$(SCHEMAS_STAMP): $(SCHEMAS_DIR)/package.json $(SCHEMAS_DIR)/package-lock.json
	@mkdir -p $(@D)
	@if command -v npm >/dev/null; then \
		echo 'npm ci in $(SCHEMAS_DIR)'; (cd $(SCHEMAS_DIR) && npm ci --no-audit --no-fund --loglevel=error) && touch $@; \
	fi

$(GO_STAMP): $(wildcard $(GO_DIR)/go.mod $(GO_DIR)/go.sum)
	@mkdir -p $(@D)
	@if [ -f $(GO_DIR)/go.mod ] && command -v go >/dev/null; then \
		echo 'go mod download in $(GO_DIR)'; (cd $(GO_DIR) && go mod download && go build -o /dev/null ./...) && touch $@; \
	fi

$(RUNNERS_GO_STAMP): $(wildcard $(RUNNERS_GO_DIR)/go.mod $(RUNNERS_GO_DIR)/go.sum)
	@mkdir -p $(@D)
	@if [ -f $(RUNNERS_GO_DIR)/go.mod ] && command -v go >/dev/null; then \
		echo 'go mod download in $(RUNNERS_GO_DIR)'; \
		(cd $(RUNNERS_GO_DIR) && go mod download && go build -o /dev/null ./recorder) && touch $@; \
	fi

# Run once with the network, so that Maven has all that the tests, which are offline, ask of it.
$(RUNNERS_JAVA_STAMP): $(wildcard $(RUNNERS_JAVA_DIR)/pom.xml)
	@mkdir -p $(@D)
	@if [ -f $(RUNNERS_JAVA_DIR)/pom.xml ] && command -v mvn >/dev/null && command -v javac >/dev/null; then \
		echo 'mvn compile dependency:build-classpath in $(RUNNERS_JAVA_DIR)'; \
		(cd $(RUNNERS_JAVA_DIR) && mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=target/classpath) && touch $@; \
	fi

# The browser and the terminal that the terminal UI is tested in. Only root may install programs, and only Debian calls
# them so; elsewhere what is missing is left to the tests, which skip (and under CI fail) with the reason.
setup-browser:
	@missing=; command -v tmux >/dev/null || missing="$$missing tmux"; \
	for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && found=1; done; \
	[ -n "$$found" ] || missing="$$missing chromium"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "apt-get install$$missing"; export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends $$missing >/dev/null \
			|| echo 'it did not work out; the tests that need them will say so'; \
	fi

demo: setup
	@$(PY) -m demo

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PY) docs/generate.py --check

test: setup setup-sdk setup-browser
	$(PY) -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

# WFCTL_TEST_SEED=N repeats the choices of a run.
faults: setup
	WFCTL_FAULTS=full $(PY) -m pytest tests/faults -rA $(PYTEST_ARGS)

# QUICK=1 takes two minutes. The tables go to the terminal, everything to .make/bench.json, the plot to .make/bench.svg.
bench: setup
	@mkdir -p .make
	@$(PY) -m bench --json .make/bench.json --plot .make/bench.svg $(if $(PEER),--peer '$(PEER)') $(if $(QUICK),--quick) \
		$(BENCH_ARGS)

soak: setup
	@mkdir -p .make
	@$(PY) -m bench.soak --json .make/soak.json $(SOAK_ARGS)

fmt: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup
	$(PY) docs/generate.py

lock: setup
	$(PY) -m pip install --quiet 'pip-tools>=7.5'
	$(BIN)/pip-compile --quiet --extra dev --generate-hashes --strip-extras --allow-unsafe --no-annotate --no-header \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
		--upgrade -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .make .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
