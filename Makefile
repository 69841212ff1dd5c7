# make toy: the toy study, from raw recordings to report. make test: all checks.
# make calibration: do the tests hold? In a minute or two; docs/calibration.md has the whole of it.
PYTHON ?= python3
CORES ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count())")
BIN := .venv/bin
TOY := --configfile config/toy.yaml
CALIBRATION := --configfile config/calibration.yaml config/calibration_reduced.yaml

.PHONY: toy calibration test format clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'lmbrain needs Python 3.11 or newer: make PYTHON=python3.12 toy')"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@

toy: .venv/installed
	$(BIN)/snakemake --cores $(CORES) $(TOY)
	$(BIN)/python workflow/scripts/print_scorecard.py results/toy

calibration: .venv/installed
	$(BIN)/snakemake --cores $(CORES) $(CALIBRATION)

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint $(TOY)
	$(BIN)/pytest

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

clean:
	rm -rf results .snakemake
