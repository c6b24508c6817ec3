# `make` alone lists the targets. Everything runs in ./.venv, which is made on the first run and kept up to date.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
OLDEST := $(VENV)/oldest

.DEFAULT_GOAL := help
.PHONY: help demo test test-oldest test-local test-slow test-scale chaos lint format type audit notebooks docs screenshots test-browser bench clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# One stamp for each set of packages: a second run finds it newer than pyproject.toml and starts at once.
$(BIN)/uv:
	@command -v git >/dev/null || { echo "git is needed"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(STAMPS)/demo: pyproject.toml $(BIN)/uv
	@echo "Installing the package with its local engine ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[local,cli]'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/%: pyproject.toml $(BIN)/uv
	@echo "Installing what 'make $*' needs ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable . --group $*
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/oldest: pyproject.toml $(BIN)/uv
	@echo "Installing the oldest packages that are allowed ..."
	@$(PYTHON) -m venv --clear $(OLDEST)
	@$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct --editable . --group test
	@mkdir -p $(STAMPS) && touch $@

demo: $(STAMPS)/demo  ## Route real small models on this machine's CPU
	@$(BIN)/python -m langchain_scaffolding demo

test: $(STAMPS)/test  ## Run the tests
	@$(BIN)/python -m pytest -q

test-oldest: $(STAMPS)/oldest  ## Run what touches LangChain and pydantic, with the oldest packages that pyproject.toml allows
	@$(OLDEST)/bin/python -m pytest -q -p no:cacheprovider tests/langchain tests/scaffolds tests/settings tests/test_attempts.py tests/test_seed_rows.py

test-local: $(STAMPS)/test  ## Run the tests that need the real local models (fetches about 100 MB once)
	@$(BIN)/python -m langchain_scaffolding models get smollm2 smollm2-q8
	@$(BIN)/python -m pytest -q -m local

test-slow: $(STAMPS)/test  ## Run the tests that take minutes
	@$(BIN)/python -m pytest -q -m slow

test-scale: $(STAMPS)/test $(STAMPS)/scale  ## Run ten thousand documents through two actors on a local Ray
	@$(BIN)/python -m pytest -q tests/examples -m "slow or not slow"

chaos: $(STAMPS)/test  ## Storm 100,000 calls over models that fail in every way (minutes)
	@$(BIN)/python -m tests.chaos.soak --calls 100000 --seed 1

lint: $(STAMPS)/lint  ## Check style and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

format: $(STAMPS)/lint  ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

type: $(STAMPS)/lint  ## Check the types
	@$(BIN)/mypy

audit: $(STAMPS)/lint $(STAMPS)/audit  ## Look the dependencies up among known vulnerabilities
	@$(BIN)/python .ci/audit.py

notebooks: $(STAMPS)/notebooks  ## Run the notebooks, and write them as HTML to build/notebooks
	@rm -rf build/notebooks && mkdir -p build/notebooks && cp notebooks/*.ipynb build/notebooks
	@$(BIN)/python -m pytest -c /dev/null --rootdir=. -p no:cacheprovider --nbmake --overwrite --nbmake-timeout=300 -q build/notebooks
	@$(BIN)/python -m nbconvert --log-level=ERROR --to html --CoalesceStreamsPreprocessor.enabled=True build/notebooks/*.ipynb
	@rm build/notebooks/*.ipynb && ls build/notebooks/*.html

docs: $(STAMPS)/docs  ## Build the site of the docs in site/; a warning is an error
	@$(BIN)/zensical build --clean --strict
	@$(BIN)/python .ci/site.py

screenshots: $(STAMPS)/browser  ## Draw the pictures of the docs anew, in a headless Chromium
	@command -v chromium >/dev/null || { echo "Chromium is needed: apt-get install chromium chromium-driver"; exit 1; }
	@$(BIN)/python -m benchmarks.screenshots

test-browser: $(STAMPS)/test $(STAMPS)/browser  ## Run the live view in a real browser, alone and in JupyterLab
	@command -v chromium >/dev/null || { echo "Chromium is needed: apt-get install chromium chromium-driver"; exit 1; }
	@$(BIN)/python -m pytest -q -m "slow or not slow" tests/insight/test_live.py tests/insight/test_notebook.py

bench: $(STAMPS)/test  ## Measure what the router costs beside the bare model and with_fallbacks
	@$(BIN)/python -m benchmarks.overhead

bench-check: $(STAMPS)/test  ## Fail if a call costs more than it may, by more than the noise
	@$(BIN)/python -m benchmarks.overhead --check

# in an environment of their own, since they pin what we need newer; whoever does not install is left out
PEERS := litellm langchain-litellm langchain-model-router cascadeflow routellm
$(VENV)/peers/.stamp: pyproject.toml $(BIN)/uv
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/peers
	@for each in $(PEERS); do \
	  $(BIN)/uv pip install --quiet --python $(VENV)/peers/bin/python --editable . $$each 2>/dev/null || echo "left out: $$each"; \
	done
	@touch $@

bench-peers: $(VENV)/peers/.stamp  ## Measure what other routers cost beside the same bare model
	@$(VENV)/peers/bin/python -m benchmarks.peers

clean:  ## Remove the environment and everything that was built
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
