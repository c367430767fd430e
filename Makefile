# All tasks of this repository, for people and for CI. `make` alone lists the targets.
# Each target installs what it needs into .venv and .cache.

PYTHON ?= python3
BIN := .venv/bin
STRICT := $(if $(CI),EXIT137_NO_SKIP=1 EXIT137_SCREENSHOTS=.cache/screenshots)
QUICK := not live and not broker and not slow and not browser and not vm and not pending
SLOW := (slow or broker) and not live and not vm and not long and not pending

# Always keep bytecode: tests start the agent hundreds of times, and each start would compile again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 15

demo: setup ## watch a real container die, and the agent say why (LIVE=1 installs Docker)
	@$(if $(LIVE),scripts/setup live && )$(BIN)/python scripts/demo.py

flink-demo: setup-flink ## run the job of a fleet on a local Flink, with Kafka and a simulated fleet
	$(BIN)/python scripts/flink_demo.py

run: setup ## run the agent on this host, with events on the screen
	$(BIN)/exit137 run

# The live tests mostly wait for Docker, so the slow ones run beside them; each prints when it is done.
test: setup-live setup-flink unit ## run unit, property, contract, crash, browser, Kafka, Flink and live tests (root)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target slow-tests live-tests
	$(STRICT) $(BIN)/pytest -m browser

slow-tests:
	$(STRICT) nice -n 10 $(BIN)/pytest -m "$(SLOW)" --numprocesses 3 --dist loadgroup

live-tests:
	$(STRICT) $(BIN)/pytest -m "live and not long and not pending"

unit: setup ## run the fast tests, without root and without Docker
	$(STRICT) $(BIN)/pytest -m "$(QUICK)" --numprocesses 3 --dist worksteal

live: setup-live ## run the tests on a real Docker Engine and a real kernel (root)
	$(STRICT) $(BIN)/pytest tests/live

fuzz: setup ## fuzz every target for SECONDS each (default 300), or TARGET alone
	$(BIN)/python tests/fuzz/campaign.py --seconds $(or $(SECONDS),300) $(TARGET)

test-vm: setup-vm ## test the Debian package, also on whole machines under QEMU: Debian 12, 13 and forky (root)
	$(STRICT) $(BIN)/pytest -m "vm and not long and not pending" tests/package tests/vm

test-vm-all: setup-vm ## the same, with what does not fit into CI's hour (tests/vm/laboratory.py)
	$(STRICT) $(BIN)/pytest -m "vm and not pending" tests/package tests/vm

compatibility: setup ## write docs/compatibility.md from the results of make test-vm-all
	$(BIN)/python scripts/compatibility

lint: setup ## check style, types and imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	scripts/check-commits

event-docs: setup ## write what docs/event.md and docs/opensearch/ take from the schema
	$(BIN)/python scripts/event_docs.py
	$(BIN)/python scripts/opensearch_docs.py

bench: setup ## measure speed, latency, memory and CPU (python bench NAME … for a part)
	$(BIN)/python bench

deb: setup ## build dist/exit137_*.deb for Debian 12, 13 and forky, Ubuntu 24.04 and 26.04
	scripts/deb

dist: setup ## build dist/exit137-*.whl and .tar.gz
	rm -rf build
	$(BIN)/python -m build --no-isolation --outdir dist

setup:
	@PYTHON=$(PYTHON) scripts/setup

setup-live:
	@PYTHON=$(PYTHON) scripts/setup live

setup-flink:
	@PYTHON=$(PYTHON) scripts/setup flink

setup-vm:
	@PYTHON=$(PYTHON) scripts/setup vm

lock: setup ## update requirements/*.txt from pyproject.toml
	scripts/lock

clean: ## remove everything that other targets created
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info build dist

.PHONY: help demo flink-demo run test slow-tests live-tests unit live fuzz test-vm test-vm-all compatibility lint event-docs bench deb dist setup setup-live setup-flink setup-vm lock clean
