# make run   serves the app; make test runs every test. Both make their own Python environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RELEASE := .venv-release
RECIPE ?= models/recipes/wbc8-lite0.yaml
# What `make bench` measures, some minutes in all. The other files of benchmarks/ are run by name: their documents say when.
BENCHMARKS ?= prediction input_pipeline explanation batch load cold_start
# Whole test files side by side; each process may hold a training framework, hence not one for every core.
IN_PARALLEL := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help run environment test lint format bench fuzz screenshots train lock clean
.DEFAULT_GOAL := help

help:
	@echo "make run          serve the app on http://localhost:8501"
	@echo "make test         run every test (make test ARGS='-k labels' for some)"
	@echo "make lint         ruff, mypy --strict and the import rules"
	@echo "make format       let ruff put the code into shape"
	@echo "make fuzz         hand in spoiled files for ten minutes (SECONDS=60 SEED=7); finds go to tests/fuzz/corpus"
	@echo "make bench        measure speed, memory, training input, load and start (BENCHMARKS='load faults' for some)"
	@echo "make screenshots  write the pictures of docs/images"
	@echo "make train        train the default model (RECIPE=file.yaml for another)"
	@echo "make lock         write constraints.txt anew (needs uv)"
	@echo "make sbom         write the bill of materials of the lock, dist/sbom.json"
	@echo "make audit        look for known holes in the packages of the lock"
	@echo "make release      build wheel and source archive, with the bill of materials beside them"

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

$(VENV)/.tools: requirements-dev.txt requirements-laboratory.txt requirements-cluster.txt $(VENV)/.app
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

fuzz: environment
	@$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: environment
	@for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name $(ARGS) || exit 1; done

screenshots: environment
	$(BIN)/python scripts/screenshots.py $(ARGS)

train: $(VENV)/.app
	$(BIN)/wbc train $(RECIPE) $(ARGS)

LOCK_HEADER := \# The lock: every package of the requirements files with what they need, at versions tested\n\# together, for Python 3.11 and later. `make lock` writes it anew.\n
lock:
	@printf '$(LOCK_HEADER)' > constraints.new
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	  requirements.txt requirements-cluster.txt requirements-dev.txt requirements-release.txt >> constraints.new
	mv constraints.new constraints.txt

# Tools of a release, in an environment of their own: they are no part of what is released.
$(RELEASE)/.tools: requirements-release.txt constraints.txt | $(BIN)/python
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt -r requirements-release.txt
	@touch $@

# Every package of the lock at its version, in CycloneDX's form; the same lock gives the same file.
sbom: $(RELEASE)/.tools
	@mkdir -p dist
	$(RELEASE)/bin/cyclonedx-py requirements constraints.txt --pyproject pyproject.toml --mc-type application \
	  --output-reproducible --of JSON -o dist/sbom.json
	@echo "dist/sbom.json"

# Every package of the lock, for any system; nothing is installed. Exit code 1 where something is known.
audit: $(RELEASE)/.tools
	$(RELEASE)/bin/pip-audit --progress-spinner off --no-deps --disable-pip -r constraints.txt $(ARGS)

release: sbom
	$(RELEASE)/bin/python -m build --outdir dist .
	@ls -l dist

clean:
	rm -rf $(VENV) $(RELEASE) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
