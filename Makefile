# Carillon: what a developer, and .ci/run, call. `make` alone shows the targets.

SHELL := /bin/bash
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(p) 2>/dev/null),$(p))))
VENV := .venv
BIN := $(VENV)/bin
N ?= 1000000

.DEFAULT_GOAL := help
.PHONY: help setup check jars up down status demo test test-unit test-crashes test-contract test-integration test-faults test-drill test-faults-all histories lane-log lane-stores lint format lock bench bench-campaign bench-opt-out clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: check ## Make the virtual environment and fetch the jars (nothing to do when up to date)
	@$(MAKE) --silent -j2 $(VENV)/.installed jars

check:
	@command -v "$(PYTHON)" >/dev/null && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or later is needed. Install it, or call: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -m ops.local.tools

jars:
	@$(PYTHON) -m ops.local.jars

$(VENV)/.dependencies: requirements.lock
	@echo 'installing dependencies into $(VENV)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.dependencies pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

up: setup ## Start Kafka, registry, Cassandra, Postgres and Connect; wait until they are healthy
	@$(BIN)/python -m ops.local up

down: ## Stop what `make up` started
	@if test -x $(BIN)/python; then $(BIN)/python -m ops.local down; fi

status: setup ## Say how each part of the stack is
	@$(BIN)/python -m ops.local status

demo: setup ## Everything at once: the stack, Carillon, and a campaign
	@$(BIN)/carillon demo

test: export CARILLON_CRASHES = each
test: setup test-unit test-contract ## All tests: unit with a crash at each effect, contract, integration, e2e, faults (starts the stack when it is not up)
	$(BIN)/python -m ops.local lend $(MAKE) --no-print-directory -j2 --output-sync=target lane-log lane-stores
	$(BIN)/python -m pytest tests/faults

# beside each other: who waits for one stack leaves its core to the other. Workers on a busy machine do not give way
lane-log lane-stores: export CARILLON_GIVE_WAY = false
lane-log:
	$(BIN)/python -m pytest tests/integration/local tests/integration/schemas tests/integration/upstream tests/integration/streams
lane-stores:
	$(BIN)/python -m pytest tests/integration/projections tests/e2e

test-unit: setup ## Unit tests; no service is needed
	$(BIN)/python -m pytest -n auto --dist worksteal tests/unit

test-crashes: export CARILLON_CRASHES = all
test-crashes: setup ## Every simulated crash, at each effect in four worlds and more, twice and three times in a run (minutes)
	$(BIN)/python -m pytest -n auto --dist worksteal tests/unit/streams/step

test-contract: setup ## What every provider, codec and parser of feedback has to hold, against emulators of their APIs; no service is needed
	$(BIN)/python -m pytest -n auto --dist worksteal tests/contract

test-integration: setup ## Integration tests on the real stack
	$(BIN)/python -m pytest tests/integration

test-faults: KILLS = $(if $(filter file default,$(origin N)),300,$(N))
test-faults: setup ## Kill workers N times (N=300, SEED=any, USERS=10000) while campaigns run, then test-drill; each ends with one line of JSON
	$(BIN)/python -m tests.faults.run --users $(or $(USERS),10000) --kills $(KILLS) $(if $(SEED),--seed $(SEED))
	@$(MAKE) --no-print-directory test-drill

test-drill: setup ## A provider is down for two hours (scaled: OUTAGE_S=120) in a campaign of DRILL_USERS=200000, limit PER_S=a hundredth of them
	$(BIN)/python -m tests.faults.drill --users $(or $(DRILL_USERS),200000) --outage-s $(or $(OUTAGE_S),120) $(if $(PER_S),--per-s $(PER_S)) $(if $(SEED),--seed $(SEED))

test-faults-all: setup ## Every other fault, SEEDS=10 of each, LANES=2 beside each other (two hours; FIRST=1: its first seed)
	$(BIN)/python -m tests.faults.series --seeds $(or $(SEEDS),10) --lanes $(or $(LANES),2) --first $(or $(FIRST),1)

histories: COUNT = $(if $(filter file default,$(origin N)),100000,$(N))
histories: setup ## Play N=100000 generated histories of each kind against their oracles (minutes; NAME=caps: one kind)
	$(BIN)/python -m tests.histories --count $(COUNT) $(NAME)

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Let ruff format and sort
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# uv only resolves; it is no dependency of ours
UV = $(firstword $(wildcard $(BIN)/uv) $(shell command -v uv 2>/dev/null) $(if $(shell command -v pipx 2>/dev/null),pipx run uv))
lock: ## Pin pyproject.toml's dependencies with hashes in requirements.lock
	@test -n "$(UV)" || { echo 'uv is needed to lock. Install it (pip install uv, or pipx).' >&2; exit 1; }
	$(UV) pip compile pyproject.toml --extra demo --extra dev --generate-hashes --universal --python-version 3.11 \
	  --no-emit-index-url --no-header -o requirements.lock

bench: setup ## The benchmarks
	$(BIN)/python -m bench

bench-campaign: setup ## One campaign of N users (N=1000000)
	$(BIN)/python -m bench.campaign --users $(N)

bench-opt-out: setup ## 2000 opt-outs thrown at a campaign of N users that is under way (after bench-campaign; N=1000000)
	$(BIN)/python -m bench.opt_out --users $(N)

clean: ## Stop the stack; remove its data and logs and all caches (the virtual environment and the jars stay)
	@if test -x $(BIN)/python; then $(BIN)/python -m ops.local clean; fi
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build *.egg-info
	find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.carillon/*' -prune -exec rm -rf {} +
