PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH := .venv-bench
BENCH_READY := $(BENCH)/.ready
COVER := --cov --cov-report=term --cov-fail-under=95
OTHERS := tests/benchmarks/node_modules

.PHONY: demo test soak bench check texts docs screenshots clean

## Run the provider and two clients; Ctrl-C ends them.
demo: $(READY)
	@exec $(BIN)/python -m sample_idp

## Run the whole test suite; COVERAGE=yes also tells which lines of the package it runs.
test: $(READY)
	$(BIN)/python -m pytest -n 4 --dist loadgroup $(if $(COVERAGE),$(COVER))

## Run what takes minutes; one after the other, since these tests measure.
soak: $(READY)
	$(BIN)/python -m pytest -m soak -n 0 -s

## Measure beside others and write docs/performance.md; ROWS="…" prints these rows only.
bench: $(BENCH_READY) $(OTHERS)
	$(BENCH)/bin/python -m tests.benchmarks $(ROWS)

## Format, lint, types, floors and docs: everything that is not a test.
check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sphinx-build -q -n -W --keep-going docs docs/_build/html

## Bring the catalogs of the pages' texts up to date.
texts: $(READY)
	$(BIN)/python -m tests.texts

docs: $(READY)
	$(BIN)/sphinx-build -n -W --keep-going docs docs/_build/html

## Take the pictures of the docs anew, of what the demo shows in Chromium.
screenshots: $(READY)
	rm -rf artefacts/screenshots
	IDP_SESSION_REQUIRE=chromium SCREENSHOT_PORTS="5000 5001 5002" \
		$(BIN)/python -m pytest -n 0 tests/browser/test_screenshots.py
	mkdir -p docs/figures/screenshots
	cp artefacts/screenshots/*.png docs/figures/screenshots/

clean:
	rm -rf $(VENV) $(BENCH) $(OTHERS) docs/_build

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[postgresql,mariadb,sample,testing]" --group dev
	@touch $@

$(BENCH_READY): pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BENCH)/bin/python -m pip install --quiet \
		--editable ".[cache,curl,redis,postgresql,mariadb,testing]" --group bench
	@touch $@

# Without npm the rows that need it say so.
$(OTHERS): tests/benchmarks/package.json
	if command -v npm >/dev/null; then npm ci --silent --prefix tests/benchmarks; fi
	@mkdir -p $@ && touch $@
