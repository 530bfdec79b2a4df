# Everything runs in one virtual environment, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Real engines: vLLM for CPU and a real 1.5B LLM, about 7 GB, made on first use.
ENGINES ?= .engines

.PHONY: help demo test test-engines lint types bench clean

help:
	@echo "make demo   draw a gallery, run a dozen composed queries, write demo/index.html"
	@echo "make test   lint, types, tests with coverage"
	@echo "make test-engines   a real vLLM and a real 1.5B LLM, in process and as a server"
	@echo "make bench  measure speed side by side"

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(READY)
	$(BIN)/python run.py demo

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# One process per core, each with one thread: most of a test is Python, which uses one core.
test: lint types
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile --cov --cov-report=term

test-engines:
	$(PYTHON) tests/real/set_up.py $(ENGINES)
	HF_HUB_OFFLINE=1 LIKEBUT_ENGINES=$(ENGINES) $(ENGINES)/venv/bin/python -m pytest tests/real

bench: $(READY)
	$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) $(ENGINES) demo .coverage* .mypy_cache .pytest_cache .ruff_cache
