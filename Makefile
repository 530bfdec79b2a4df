# Everything runs in one virtual environment, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

PIP := python -m pip --quiet --disable-pip-version-check install

# The lowest versions that pyproject.toml declares, in an environment of their own.
LOWEST := .lowest

# Real engines: vLLM for CPU and a real 1.5B LLM, about 7 GB, made on first use.
ENGINES ?= .engines

.PHONY: help demo test test-engines test-lowest lock lint types bench clean

help:
	@echo "make demo   draw a gallery, run a dozen composed queries, write demo/index.html"
	@echo "make test   lint, types, tests with coverage"
	@echo "make test-engines   a real vLLM and a real 1.5B LLM, in process and as a server"
	@echo "make test-lowest    the demo and the models on the lowest declared versions"
	@echo "make bench  measure speed side by side"

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP) --upgrade pip
	$(BIN)/$(PIP) --requirement requirements.lock
	$(BIN)/$(PIP) --no-deps --editable .
	@touch $@

demo: $(READY)
	$(BIN)/python run.py demo

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# In a clone the parts of `likebut` lie beside it; mypy reads it as it is installed.
types: $(READY)
	mkdir -p .types/likebut
	ln -sfn $(CURDIR)/likebut/* $(CURDIR)/pipeline $(CURDIR)/indexes .types/likebut
	$(BIN)/mypy

# One process per core, each with one thread: most of a test is Python, which uses one core.
test: lint types
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile --cov --cov-report=term

test-engines:
	$(PYTHON) tests/real/set_up.py $(ENGINES)
	HF_HUB_OFFLINE=1 LIKEBUT_ENGINES=$(ENGINES) $(ENGINES)/venv/bin/python -m pytest tests/real

# On Python 3.11, the lowest of them.
test-lowest:
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) tests/lowest.py pyproject.toml > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/$(PIP) --upgrade pip
	$(LOWEST)/bin/$(PIP) --constraint $(LOWEST)/constraints.txt --editable ".[dev]"
	cd $(LOWEST) && LIKEBUT_CACHE=answers.sqlite bin/python ../run.py demo
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest --numprocesses auto --dist loadfile -p no:cacheprovider \
		tests/indexes tests/pipeline/pocket tests/pipeline/engines tests/pipeline/encoders \
		tests/pipeline/config tests/pipeline/cli/test_query.py

# Needs uv (`pip install uv`); the header of the lock file says what it is for.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock

bench: $(READY)
	$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) $(ENGINES) $(LOWEST) demo .coverage* .mypy_cache .pytest_cache .ruff_cache
