# `make check` is what CI and pre-commit run.
BIN := .venv/bin

.PHONY: setup check lint types contracts test

setup:
	python3 -m venv .venv
	$(BIN)/pip install -q -e ".[dev]"

check: lint types contracts test

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

contracts:
	$(BIN)/lint-imports

test:
	$(BIN)/pytest -n auto
