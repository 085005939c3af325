# Each target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help quickstart install test check lint types contracts bench clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

quickstart: .venv/installed ## train, connect, certify and catalogue on real data
	$(BIN)/thalweg quickstart

install: .venv/installed ## set up .venv with the command `thalweg`

test: .venv/developing ## run the tests side by side; the slowest are named, and what was skipped and why
	$(BIN)/python -m pytest -n auto --dist worksteal --durations=10 -rfEs

check: lint types contracts test ## everything that has to hold before a commit

lint: .venv/developing ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/developing ## mypy, strict where the claims are made
	$(BIN)/mypy

contracts: .venv/developing ## which package may import which
	$(BIN)/lint-imports

bench: .venv/developing ## the benchmarks: ratios, each measured in one run
	$(BIN)/python benchmarks/run.py

clean: ## remove .venv and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/developing: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
