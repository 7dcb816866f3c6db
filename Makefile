# What can be done with this project; `make` lists it.
SHELL := bash
NETWORK ?= ganache
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fmt bench coverage clean lock

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1|/' | while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: ## Install everything into .venv and node_modules, compile the contracts
	@tools/setup

demo: setup ## Run the case study on a local chain (NETWORK=ganache or anvil)
	@$(BIN)/setm run scenarios/case_study.yaml --network $(NETWORK)

test: setup ## Run the Python tests, then the contract tests on Ganache
	@tools/run-tests python contracts

check: setup ## Lint, format check and types
	@tools/check

fmt: setup ## Format Python and Solidity
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/prettier --write --plugin=prettier-plugin-solidity 'contracts/**/*.sol' 'interfaces/**/*.sol'

clean: ## Remove what runs and compilers wrote; keep what is installed
	@rm -rf build reports .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*

lock: setup ## Resolve requirements*.in and package.json again into the lock files
	@tools/lock
