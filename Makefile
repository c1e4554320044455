# Everything a newcomer types. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

# Relative on purpose: the folder's own path may hold spaces.
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PACKAGES := chassis contracts popug auth tasks accounts billing mailer analytics
CATALOGS := $(wildcard popug/translations/*/LC_MESSAGES/*.po)

# Said to the tests as an option: the settings refuse POPUG_ names that they do not know.
STRICT := $(if $(filter-out 0,$(POPUG_CI_STRICT)),--no-skips)
unexport POPUG_CI_STRICT

WORKERS ?= 2
ARGS ?=

.PHONY: help
help: ## Show this list
	@echo "Popug: a task tracker that pays by task. Needs Python 3.11 or newer and make."
	@echo
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  ARGS=\"...\" goes along: make run ARGS=\"--port 9000\", make test ARGS=\"-k shuffle\""

.PHONY: install
install: $(STAMP) ## Set up: virtual environment, locked packages, translations

.PHONY: run
run: $(STAMP) ## Start all of Popug with a demo company on http://127.0.0.1:8000
	@exec $(VENV)/bin/popug run --demo $(ARGS)

.PHONY: test
test: $(STAMP) ## Run all tests (two at a time; WORKERS=0 for one after the other)
	@$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(STRICT) $(ARGS)

.PHONY: faults
faults: $(STAMP) ## Each fault 20 times under load on real servers, about two hours
	@$(PYTHON) -m tests.faults $(ARGS)

.PHONY: canaries
canaries: $(STAMP) ## Let a thousand card numbers loose, and look for them everywhere (minutes)
	@$(PYTHON) -m pytest -n 0 --canaries 1000 --durations 4 tests/canaries $(ARGS)

.PHONY: mails
mails: $(STAMP) ## 10,000 mails to a server that misbehaves, the worker killed 100 times (long)
	@$(PYTHON) -m tests.mails $(ARGS)

.PHONY: clean-days
clean-days: $(STAMP) ## Live through a thousand days: the books must agree on each (minutes)
	@$(PYTHON) -m pytest -n 0 --clean-days 1000 tests/integration/test_clean_days.py $(ARGS)

.PHONY: payouts
payouts: $(STAMP) ## 10,000 payouts to a bank that misbehaves, from a worker that is killed (long)
	@$(PYTHON) -m tests.payouts $(ARGS)

.PHONY: payout-machine
payout-machine: $(STAMP) ## The payout code against its model: 2,000 lives in any order (long)
	@$(PYTHON) -m pytest -n 0 --payout-examples 2000 \
	  tests/integration/billing/test_payout_machine.py $(ARGS)

.PHONY: compose-test
compose-test: $(STAMP) ## Run all of it in containers (many minutes; as root where no Docker answers)
	@$(PYTHON) -m pytest -n 0 --compose -vv --durations 12 tests/compose $(ARGS)

.PHONY: secrets
secrets: ## Make the passwords and keys of the containers in secrets/; none is replaced
	@scripts/popug-offline make-secrets secrets

.PHONY: bench
bench: $(STAMP) ## Events a second and milliseconds, next to their limits (many minutes; ARGS="pipeline")
	@$(PYTHON) -m bench $(ARGS)

.PHONY: sweep
sweep: $(STAMP) ## Kill a process at every line between a write and its acknowledgement (long)
	@$(PYTHON) -m tests.sweep embedded --each visits --workers $(WORKERS) $(ARGS)
	@$(PYTHON) -m tests.sweep servers --each ways --workers $(WORKERS) $(ARGS)

.PHONY: lint
lint: $(STAMP) ## Check style, types and who imports whom
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

.PHONY: format
format: $(STAMP) ## Put the code in shape
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

.PHONY: docs
docs: $(STAMP) ## Make docs/events.md and docs/asyncapi.json anew from the declared events
	@$(PYTHON) -m popug.documents

.PHONY: messages
messages: $(STAMP) ## Bring the translations up to date with the texts in the code
	@$(VENV)/bin/pybabel --quiet extract --mapping babel.cfg --keywords "_l lazy_gettext" \
	  --no-location --sort-output --project Popug --version 1 \
	  --copyright-holder "UberPopug Inc." --output $(VENV)/messages.pot $(PACKAGES)
	@$(VENV)/bin/pybabel --quiet update --input-file $(VENV)/messages.pot \
	  --output-dir popug/translations --no-fuzzy-matching --ignore-obsolete --width 100
	@echo "Translate what is new in popug/translations. Now: make test"

.PHONY: lock
lock: $(STAMP) ## Choose the newest packages that pyproject.toml allows, with their hashes
	@$(PYTHON) -m uv --version 2>/dev/null || $(PYTHON) -m pip install --quiet uv
	@$(PYTHON) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	  --group dev --output-file requirements.lock pyproject.toml
# The same versions for the image, which needs no tests' packages.
	@$(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	  --group build --constraint requirements.lock \
	  --output-file requirements-image.lock pyproject.toml
	@echo "requirements.lock and requirements-image.lock are new. Now: make test"

.PHONY: clean
clean: ## Remove what can be made again (the data in var/ stays)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made anew only when the packages or the translations change, so that the next start is quick.
$(STAMP): requirements.lock pyproject.toml $(CATALOGS)
	@$(FIND_PYTHON); \
	echo "Setting up $(VENV) with $$("$$found" --version)"; \
	test -x $(PYTHON) && $(PYTHON) -c '' 2>/dev/null || "$$found" -m venv --clear $(VENV)
# Without --no-compile, pip compiles everything there is; most of it nobody ever imports.
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile \
	  --require-hashes -r requirements.lock
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps \
	  --no-build-isolation -e .
	@if [ -d popug/translations ]; then \
	  $(VENV)/bin/pybabel --quiet compile --directory popug/translations; fi
	@touch $@

define FIND_PYTHON
found=; for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
  if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then found=$$python; break; fi; \
  found=$${found:-$$python}; \
done; \
if [ -z "$$found" ]; then \
  echo "Popug needs Python 3.11 or newer, and none was found. Install it, then run this again." >&2; \
  exit 1; \
fi; \
if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
  echo "$$found cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; \
  exit 1; \
fi
endef
