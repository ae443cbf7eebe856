# make run   serves the app; make test runs every test. Both make their own Python environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RECIPE ?= models/recipes/wbc8-lite0.yaml
# Whole test files side by side; each process may hold a training framework, hence not one for every core.
IN_PARALLEL := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help run environment test lint format bench screenshots train lock clean
.DEFAULT_GOAL := help

help:
	@echo "make run          serve the app on http://localhost:8501"
	@echo "make test         run every test (make test ARGS='-k labels' for some)"
	@echo "make lint         ruff, mypy --strict and the import rules"
	@echo "make format       let ruff put the code into shape"
	@echo "make bench        measure speed and memory of prediction"
	@echo "make screenshots  write the pictures of docs/images"
	@echo "make train        train the default model (RECIPE=file.yaml for another)"
	@echo "make lock         write constraints.txt anew (needs uv)"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv is missing. On Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps are older than a requirements file or the lock when packages may have changed.
$(VENV)/.app: requirements.txt requirements-serve.txt requirements-train.txt constraints.txt pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -r requirements.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.tools: requirements-dev.txt requirements-cluster.txt $(VENV)/.app
	$(PIP) install --quiet -c constraints.txt -r requirements-cluster.txt -r requirements-dev.txt
	@touch $@

environment: $(VENV)/.tools

run: $(VENV)/.app
	$(BIN)/streamlit run app.py $(ARGS)

test: environment
	@$(BIN)/python -m pytest $(or $(ARGS),$(IN_PARALLEL))

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: environment
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: environment
	@for script in benchmarks/*.py; do $(BIN)/python -m "benchmarks.$$(basename "$$script" .py)" $(ARGS) || exit 1; done

screenshots: environment
	$(BIN)/python scripts/screenshots.py $(ARGS)

train: $(VENV)/.app
	$(BIN)/wbc train $(RECIPE) $(ARGS)

LOCK_HEADER := \# The lock: every package of the requirements files with what they need, at versions tested\n\# together, for Python 3.11 and later. `make lock` writes it anew.\n
lock:
	@printf '$(LOCK_HEADER)' > constraints.new
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	  requirements.txt requirements-cluster.txt requirements-laboratory.txt requirements-dev.txt >> constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
