# Two commands do it all: `make demo` shows it, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help setup system demo demo-stop test check unit integration differential bench lock clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready ## virtualenv with everything, from the lock file
$(VENV)/.ready: pyproject.toml requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	@$(BIN)/python -m pip install --quiet --require-virtualenv -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

system: ## what the tests want from the system (Debian, as root; else they skip)
	@tools/system-packages

demo: setup ## start a controller and three agents here, and show the main job
	@$(BIN)/python -m tools.demo up

demo-stop: ## end everything the demo started
	@test ! -x $(BIN)/python || $(BIN)/python -m tools.demo stop

check: setup ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

unit: setup system ## fast tests
	@$(BIN)/pytest -q -n 2 -m "not integration and not e2e"

integration: setup system ## real broker, controller, agents; real hosts where root allows
	@$(BIN)/pytest -q -n 2 --dist loadfile -m "integration or e2e"

test: check unit integration ## everything CI runs

differential: setup ## the same trees through real Salt and through Saltern
	@$(BIN)/python -m tools.differential --scratch .differential
	@$(BIN)/python -m tools.differential --scratch .differential --random 200
	@$(BIN)/python -m tools.differential_runs --scratch .differential

bench: setup ## measure, beside a reference in the same run
	@$(BIN)/python -m benchmarks

lock: ## refresh the lock file
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links --all-extras --group dev pyproject.toml -o requirements.lock

clean: demo-stop ## remove what the above made
	@rm -rf $(VENV) .demo .differential
