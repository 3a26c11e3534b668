# Interlace's commands. `make` alone lists them. Needs Python 3.11 to 3.13 and make; everything else goes into .venv.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COMPILED := $(VENV)/.compiled
.DEFAULT_GOAL := help
.PHONY: help install demo test check lint format types imports unit neo4j lock sbom audit bench clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## make the environment in .venv; the command is .venv/bin/interlace

$(STAMP): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found. Install one, or say: make install PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'uv>=0.8'
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(STAMP)

demo: install ## the main job on MovieLens 100K, then the page
	$(BIN)/interlace demo

test: install ## linter, formatter, types, import contracts, every test
	$(MAKE) check unit

check: lint types imports

lint: install ## ruff: lint and format check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install ## ruff: mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: install ## mypy, strict
	$(BIN)/mypy

imports: install ## the one-way imports between the packages
	$(BIN)/lint-imports

# The tests start hundreds of processes. Where the environment forbids writing bytecode (PYTHONDONTWRITEBYTECODE), or it
# is just not there yet, each would compile what it imports. Some packages hold templates that do not compile: no error.
$(COMPILED): $(STAMP)
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib/python*/site-packages >$(VENV)/compiled.log 2>&1 || true
	@touch $(COMPILED)

unit: install $(COMPILED) ## every test
	$(BIN)/python -m compileall -q -j 0 graph encoders training serving benchmarks tests tools
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

neo4j: install ## a real Neo4j on this machine, without a container (needs Java 17 and Maven)
	$(BIN)/python -m tools.neo4j start

lock: ## resolve the newest versions that the bounds allow into requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--constraint constraints.txt --group dev --output-file requirements.lock pyproject.toml

sbom: install ## what the lock installs, as CycloneDX JSON in dist/
	$(BIN)/python -m tools.sbom

audit: install ## licences against the allowed ones (offline); known vulnerabilities where their data can be reached
	$(BIN)/python -m tools.audit

clean: ## remove caches and the demo's home, never .venv or mlruns
	rm -rf .interlace .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist *.egg-info
