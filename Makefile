# Every target sets up what it needs; `make` alone says what there is.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PYTHONPATH := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help setup browser demo test torture check format lint bench package templates lock mails clean

help: ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed (PYTHON=/path/to/python3.11)"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo "venv is needed: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

browser: ## install Chromium when it is missing and may be installed
	@command -v chromium >/dev/null || ./tools/install_chromium

demo: setup ## play a referral and its rewards, and stay up: PORT=8000, ONCE=1, HISTORY=90d
	@$(BIN)/python -m infra.local.demo

test: setup browser ## every test: pure ones, then moto ones side by side, then journeys
	$(BIN)/pytest -q -n 2 tests/domain tests/runtime tests/cli
	$(BIN)/pytest -q -n 2 --dist worksteal tests --ignore=tests/domain --ignore=tests/runtime --ignore=tests/cli --ignore=tests/journeys
	$(BIN)/pytest -q -n 2 --dist loadfile tests/journeys

torture: setup ## what takes too long for every day: 2,000 stories of 100 steps, 5,000 of payouts that crash, all 720 orders, 100 races
	$(BIN)/pytest -q -s -n 2 --dist worksteal -m torture tests

check: setup ## what CI runs: format, lint, types, import contract, templates, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) templates
	$(MAKE) test

templates: setup
	@$(BIN)/python -m infra.package build/templates --without-layer >/dev/null
	$(BIN)/cfn-lint build/templates/*.yaml build/templates/*/template.json

format: setup ## put code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## measure; prints tables, writes build/bench.json
	$(BIN)/python -m tools.bench

package: setup ## build templates and zips for CloudFormation, no AWS account needed
	$(BIN)/python -m infra.package

mails: setup ## compile the layout of e-mails, bring the catalogs of words up to date
	$(BIN)/python -m tools.mails
	$(BIN)/python -m tools.mails extract

lock: setup ## pin dependencies anew
	$(BIN)/python -m tools.lock

clean: ## remove what was built
	rm -rf build $(VENV)
