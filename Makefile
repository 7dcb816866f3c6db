# What can be done with this project; `make` lists it.
SHELL := bash
BIN := .venv/bin
NETWORK ?= ganache
PYTHON_TESTS ?= tests/python
AUDIT_TESTS ?= tests/audit
CONTRACT_TESTS ?= tests/contracts
TEST_OPTIONS ?=
STAGES ?=
BENCH_OPTIONS ?=
# Whether `make test` runs every suite whole: then it also asks whether each threat was answered.
WHOLE := $(if $(filter-out file,$(foreach it,PYTHON_TESTS AUDIT_TESTS CONTRACT_TESTS TEST_OPTIONS,$(origin $(it)))),,yes)

.DEFAULT_GOAL := help
.PHONY: help setup demo compare test check audit mutation fmt bench coverage clean lock

help: ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done

setup: ## Install everything into .venv and node_modules, compile the contracts
	@tools/setup

demo: setup ## Run the case study on a local chain (NETWORK=ganache or anvil)
	@$(BIN)/setm run scenarios/case_study.yaml --network $(NETWORK)

compare: setup ## Compare all mechanisms on the case study, on a chain and over 20 seeds (NETWORK=ganache or anvil)
	@$(BIN)/setm compare scenarios/case_study.yaml --network $(NETWORK)

test: setup ## Run all tests: Python, audit suites at small depth, contracts on Ganache
	@rm -rf reports/tests
	@SETM_OUTCOMES=reports/tests/outcomes.jsonl tools/run-tests python=$(PYTHON_TESTS) audit=$(AUDIT_TESTS) contracts=$(CONTRACT_TESTS) -- $(TEST_OPTIONS)
	@$(if $(WHOLE),$(BIN)/python -m tools.threats --ran reports/tests)

check: setup ## Check style, types and layout of Python and Solidity
	@tools/check

audit: setup ## Attack every promise of docs/security.md at full depth (STAGES="machine faults" for some)
	@$(BIN)/python -m tools.audit $(STAGES)

mutation: setup ## Change the contracts a place at a time, all of them, and ask the tests (hours)
	@$(BIN)/python -m tools.mutation --all --jobs 2

fmt: setup ## Format Python and Solidity
	@tools/fmt

bench: setup ## Measure gas, seconds and memory by number of participants (BENCH_OPTIONS=--quick for less)
	@$(BIN)/setm bench $(BENCH_OPTIONS)

coverage: setup ## Measure the coverage of both test suites, write reports/coverage.md
	@$(BIN)/python tools/coverage.py

clean: ## Remove what compilers, tests and runs wrote; keep what is installed
	@rm -rf build reports .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
	@find contracts interfaces scripts setm tests tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

lock: setup ## Resolve the lock files again from requirements*.in and package.json
	@tools/lock
