# `make demo` and `make test` are the main commands. Both create .venv the first time and reuse it.

VENV := .venv
BIN := $(VENV)/bin
# The first of these that is Python 3.11 or newer is used.
CANDIDATES := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python

# Python compiles what is imported when it is first imported, which is a fraction of what would be compiled here. Where it
# must not save what it compiles, as in many containers, each of the tests' processes would do it again.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/python -m pip install --quiet --quiet --no-compile --constraint constraints.txt

# Half as many again as there are cores, since many tests wait for time-outs.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)

.PHONY: help install demo sandbox test test-kills test-truth test-thorough test-random test-numbers test-browser test-cluster test-matrix test-lowest dist check-dist check-tag screenshots chromium cluster-servers benchmarks lint types clean docs reference

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing what the tests need into $(VENV) (one to three minutes, the first time only) ..."
	@$(INSTALL) --editable '.[dev]'
	@touch $@

# The demo needs neither what the tests need nor the linters.
$(VENV)/installed-demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Airflow and the provider into $(VENV) (one to two minutes, the first time only) ..."
	@$(INSTALL) --editable '.[demo]'
	@touch $@

DEMO := $(if $(wildcard $(VENV)/installed),install,$(VENV)/installed-demo)

$(BIN)/python:
	@set -e; for python in $(CANDIDATES); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; done; \
	if [ -z "$$found" ]; then echo "Python 3.11 or newer is needed; none of these is: $(CANDIDATES)" >&2; exit 1; fi; \
	echo "Making $(VENV) with $$found ..."; $$found -m venv $(VENV)

demo: $(DEMO) ## Run the first example DAG against a SocialsCRM on localhost
	@$(BIN)/python -m tools.demo

sandbox: $(DEMO) ## Run a SocialsCRM on localhost, with the customers of the demo; OPTIONS="..." go to it
	@mkdir -p .demo
	@$(BIN)/python -m tools.try_sandbox --database .demo/customers.db $(OPTIONS)

test: install ## Run the test suite (about five minutes)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --ignore tests/browser --ignore tests/importer/test_kill.py -m "not thorough"

test-kills: install ## Kill twenty-five workers in the middle of an import (about a minute and a half)
	@SOCIALSCRM_KILLS=25 $(BIN)/python -m pytest tests/importer/test_kill.py

test-truth: install ## Compare 5,000 reports of imports under random faults with what the server did (about five minutes)
	@SOCIALSCRM_SEQUENCES=5000 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal tests/importer/test_truth.py -k random

test-thorough: install ## Run the property tests on many inputs, and what takes too long for each change (about seven minutes)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --ignore tests/browser --ignore tests/importer/test_kill.py -m "hypothesis or thorough" --hypothesis-profile thorough

test-random: install ## Run the property tests on inputs that no run before had (about ten minutes)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --ignore tests/browser -m hypothesis --hypothesis-profile random

test-numbers: install ## Read 100,000 random mobiles of 47 countries in five spellings (about half a minute)
	@SOCIALSCRM_MOBILES=100000 $(BIN)/python -m pytest --numprocesses $(WORKERS) tests/importer/fields/test_phones.py -k mobile

test-browser: docs chromium ## Test the pages in a real Airflow, and the documentation's, with Chromium (about five minutes)
	@$(BIN)/python -m pytest tests/browser

screenshots: install chromium ## Retake the README's screenshots
	@SOCIALSCRM_SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/browser -k "saved_and_tested or history or (airflows_theme and light)"

docs: $(VENV)/installed-docs reference ## Build the documentation as a website in build/docs; a broken link or any other warning fails it
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html -d build/doctrees docs build/docs
	@echo "Open build/docs/index.html"

$(VENV)/installed-docs: $(VENV)/installed
	@echo "Installing Sphinx into $(VENV) ..."
	@$(INSTALL) --editable '.[dev,docs]'
	@touch $@

reference: install ## Write the tables of docs/reference/ from the code
	@$(BIN)/python -m tools.reference

# As root on Debian; elsewhere the tests name the packages to install.
chromium:
	@if [ -z "$$(command -v chromium && command -v chromedriver)" ] && [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	  apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes chromium chromium-driver; fi

test-cluster: $(VENV)/installed-cluster cluster-servers ## Test on PostgreSQL, Redis and Celery workers (about six minutes)
	@$(BIN)/python -m pytest --log-cli-level=INFO tests/cluster

$(VENV)/installed-cluster: $(VENV)/installed
	@echo "Installing Celery and the drivers of PostgreSQL into $(VENV) ..."
	@$(INSTALL) --editable '.[dev,cluster]'
	@touch $@

# Install the distribution's packages where missing; the tests do not use the services that these start.
cluster-servers:
	@missing=; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || missing="$$missing postgresql"; \
	[ -z "$$missing" ] && exit 0; \
	if ! command -v apt-get >/dev/null; then echo "Please install:$$missing" >&2; exit 1; fi; \
	echo "Installing$$missing ..."; \
	root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	$$root apt-get update -qq && \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null

test-matrix: install chromium ## Test on Airflow 3.1 to 3.3, Python 3.11 to 3.14, pandas 2 and 3 (an hour or more); OPTIONS="3.2 tests/airflow" for some
	@$(BIN)/python -m tools.matrix $(OPTIONS)

test-lowest: install dist ## Run quick tests on the oldest versions that are allowed (about three minutes)
	@$(BIN)/python -m tools.lowest

dist: install ## Build the wheel and the sdist into dist/, with the same bytes from the same commit
	@$(BIN)/python -m tools.dist build

check-dist: dist ## Check the wheel and the sdist, and install both into clean environments (about two minutes)
	@$(BIN)/python -m tools.dist check

check-tag: install ## Check that TAG, such as v0.1.0, is of the version, which the change log describes
	@$(BIN)/python -m tools.dist tag "$(TAG)"

benchmarks: install ## Measure speed, memory, pace and isolation (about half an hour)
	@$(BIN)/python tests/benchmarks/table.py
	@$(BIN)/python tests/benchmarks/engine.py
	@$(BIN)/python tests/benchmarks/ledger.py
	@$(BIN)/python tests/benchmarks/end_to_end.py
	@$(BIN)/python tests/benchmarks/call_size.py
	@$(BIN)/python tests/benchmarks/chats.py
	@$(BIN)/python tests/benchmarks/screening.py
	@$(BIN)/python tests/benchmarks/against_forty_lines.py

lint: install ## Check style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: install ## Check types
	@$(BIN)/mypy

clean: ## Remove everything that the commands made
	rm -rf $(VENV) .demo .matrix build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
