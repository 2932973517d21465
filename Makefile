# The console's workshop. Each target sets up what it needs; `make` alone lists them.
#
#   make demo          open the console with sample accounts (ARGS=--kiosk for the kiosk)
#   make run           open the console on the configured database
#   make test          all tests, in parallel (ARGS="tests/unit -k otp" for some)
#   make test-postgres the storage, flow, attack and delivery tests on a throwaway PostgreSQL server
#   make check         lint, format, types and the import contracts
#   make format        put the code into the form that `check` wants
#   make bench         the measurements, side by side (ARGS=ssh for the SSH server alone)
#   make screenshots   draw the pictures for README.md again
#   make lock          pin the dependencies again (ARGS=--upgrade for newer ones)
#   make clean         throw away .venv and everything that was built
#
# Needs Python 3.11 or newer with venv and pip; PYTHON=/path/to/python picks one.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# One recipe at a time: two pips in one environment would tread on each other.
.NOTPARALLEL:
.PHONY: help demo run test test-postgres check format bench screenshots lock clean

ARGS ?=
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest -n auto --dist=worksteal
CODE := tui_admin screens styles tests $(wildcard benchmarks docs)

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.runtime
	@$(BIN)/tui-admin demo $(ARGS)

run: $(VENV)/.runtime
	@$(BIN)/tui-admin $(ARGS)

test: $(VENV)/.dev
	$(PYTEST) $(ARGS)

test-postgres: $(VENV)/.dev
	$(BIN)/python tests/support/with_postgres.py $(PYTEST) $(or $(ARGS),$(wildcard tests/storage tests/flows tests/attacks tests/delivery tests/ssh/test_two_servers.py))

check: $(VENV)/.dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only $(CODE)
	$(BIN)/ruff format $(CODE)

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

screenshots: $(VENV)/.dev
	$(BIN)/python docs/screenshots.py $(ARGS)

# The runtime lock is a constraint of the other one, so that both name the same versions and
# `make demo` finds nothing to change in an environment made for `make test`.
lock: $(VENV)/.made
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(PIP) install uv
	PATH="$$PATH:$(CURDIR)/$(BIN)" uv pip compile $(LOCK) --extra build \
		--output-file requirements.lock pyproject.toml
	PATH="$$PATH:$(CURDIR)/$(BIN)" uv pip compile $(LOCK) --extra build --extra dev \
		--constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

LOCK = --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header $(ARGS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	rm -f snapshot_report.html
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Three stamps: the empty environment, what the console needs, and the tools on top of that.
# The last holds the second too, so whoever has run the tests opens the demo at once.

$(VENV)/.made:
	@found=; \
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found=$$python; break; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "tui-admin needs Python 3.11 or newer, and $(or $(PYTHON),python3) is older or missing." \
			"Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$found comes without venv." \
			"Install it (on Debian and Ubuntu: apt-get install python3-venv) and try again." >&2; exit 1; \
	fi; \
	echo "Setting up $(VENV) (once, about a minute)..."; \
	"$$found" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/.made
	@echo "Installing what the console needs..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements.lock pyproject.toml | $(VENV)/.made
	@echo "Installing the console and its tools..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $(VENV)/.runtime $@
