# Everything that is done with this repository by hand or in CI; `make` alone says what there is.
# Each target installs what it needs, in .venv and in .cache.

PYTHON ?= python3
BIN := .venv/bin
STRICT := $(if $(CI),EXIT137_NO_SKIP=1)
QUICK := not live and not broker and not slow and not vm
SLOW := (slow or broker) and not live and not vm

# Bytecode is kept, whatever the environment says: hundreds of starts of the agent, and of tests, are compiled once.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 15

demo: setup ## watch a real container die and the agent say why (LIVE=1 installs Docker)
	@$(if $(LIVE),scripts/setup live && )$(BIN)/python scripts/demo.py

run: setup ## run the agent on this host, with events on the screen
	$(BIN)/exit137 run

test: setup-live unit ## unit, property, contract, crash, Kafka and live tests (root)
	$(STRICT) $(BIN)/pytest -m "$(SLOW)" --numprocesses 3 --dist loadgroup
	$(STRICT) $(BIN)/pytest -m live

unit: setup ## the tests that need neither root nor an engine, nor much time
	$(STRICT) $(BIN)/pytest -m "$(QUICK)" --numprocesses 3 --dist worksteal

live: setup-live ## the tests on a real Docker Engine and a real kernel (root)
	$(STRICT) $(BIN)/pytest tests/live

test-vm: setup-vm ## the Debian package, also on whole machines under QEMU: Debian 12 and 13 (root)
	$(STRICT) $(BIN)/pytest -m vm tests/package tests/vm

compatibility: setup ## docs/compatibility.md, from what make test-vm has left
	$(BIN)/python scripts/compatibility

lint: setup ## style, types and the import rule
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: setup ## measure speed, latency, memory and what they cost (python bench NAME … for some of it)
	$(BIN)/python bench

deb: setup ## dist/exit137_*.deb for Debian 12, Debian 13 and Ubuntu 24.04
	scripts/deb

dist: setup ## dist/exit137-*.whl and .tar.gz
	rm -rf build
	$(BIN)/python -m build --no-isolation --outdir dist

setup:
	@PYTHON=$(PYTHON) scripts/setup

setup-live:
	@PYTHON=$(PYTHON) scripts/setup live

setup-vm:
	@PYTHON=$(PYTHON) scripts/setup vm

lock: setup ## bring requirements/dev.txt up to date with pyproject.toml
	scripts/lock

clean: ## remove what the other targets have made
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info build dist

.PHONY: help demo run test unit live test-vm compatibility lint bench deb dist setup setup-live setup-vm lock clean
