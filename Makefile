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
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  ARGS=\"...\" goes along: make run ARGS=\"--port 9000\", make test ARGS=\"-k shuffle\""

.PHONY: install
install: $(STAMP) ## Set up: virtual environment, locked packages, translations

.PHONY: run
run: $(STAMP) ## Start all of Popug with a demo company on http://127.0.0.1:8000
	@exec $(VENV)/bin/popug run --demo $(ARGS)

.PHONY: test
test: $(STAMP) ## Run all tests (two at a time; WORKERS=0 for one after the other)
	@$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile $(STRICT) $(ARGS)

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
	@echo "requirements.lock is new. Now: make test"

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
