# Holdfast: `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
HOLDFAST := $(VENV)/bin/holdfast
# Two processes keep two cores busy: most of the time goes to the real parts.
TEST_WORKERS ?= 2

.DEFAULT_GOAL := help
# How long things go wrong, in minutes; the suite has three quarters of one.
MINUTES ?= 10
# In MiB; the suite sends 256.
SOAK_UPLOAD_MIB ?= 1024
.PHONY: help install demo soak fuzz test check messages bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## everything into .venv, from requirements.lock (hashes checked)

$(STAMP): requirements.lock scripts/install.py
	@$(PYTHON) scripts/install.py $(VENV)
	@touch $(STAMP)

demo: install ## every part on this machine, with sample traffic; Ctrl-C stops it
	@$(HOLDFAST) demo

test: install ## the whole test suite, against the same real parts
	@$(PYTHON) scripts/system_packages.py
	$(VENV)/bin/python -m pytest -n $(TEST_WORKERS) --dist loadfile $(PYTEST)

soak: install ## everything killed, paused and filled under traffic: make soak MINUTES=60 [SEED=…]; then a gigabyte's upload
	$(VENV)/bin/python -m tests.failures.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))
	HOLDFAST_TEST_UPLOAD_MIB=$(SOAK_UPLOAD_MIB) $(VENV)/bin/python -m pytest -s tests/failures/test_upload_kills.py

# Of each reader in turn; an input that breaks a promise is kept and named.
SECONDS ?= 300
FUZZED := forward mail text backup chat mailbox
fuzz: install ## a fuzzer against every reader of outside data, SECONDS each
	for reader in $(FUZZED); do $(VENV)/bin/python -m tests.fuzz $$reader --seconds $(SECONDS) || exit 1; done

check: install ## ruff, mypy, import-linter and the tests of the documentation
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python -m pytest -q tests/docs

messages: install ## list every sentence of the pages for translators, in locale/
	$(VENV)/bin/python scripts/messages.py

bench: install ## the benchmarks of docs/benchmarks.md, ratios within one run
	$(VENV)/bin/python -m benchmarks

lock: install ## resolve the dependencies anew (asks the package index)
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --extra local --extra test --upgrade pyproject.toml --output-file requirements.lock
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --constraint requirements.lock pyproject.toml --output-file requirements-production.lock

clean: ## remove the environment and the demonstration's data
	rm -rf $(VENV) .holdfast
