PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check docs clean

## Run the provider and two clients; Ctrl-C ends them.
demo: $(READY)
	@exec $(BIN)/python -m sample_idp

## Run the whole test suite.
test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term --cov-fail-under=95

## Format, lint, types, floors and docs: everything that is not a test.
check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sphinx-build -q -n -W --keep-going docs docs/_build/html

docs: $(READY)
	$(BIN)/sphinx-build -n -W --keep-going docs docs/_build/html

clean:
	rm -rf $(VENV) docs/_build

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[postgresql,mariadb,sample,testing]" --group dev
	@touch $@
