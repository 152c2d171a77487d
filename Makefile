# `make help` lists the targets. Each makes .venv first, from the lock files, if it is not there yet: `make demo` with what a run
# needs, the others with everything.

PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
INTEROP := $(VENV)/interop
RUNS := $(VENV)/.runs
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

# uv asks the registry that pip is told to ask. Where that is not enough (a folder of wheels, a password in a keyring), pip installs.
INSTALL = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PIP) config get global.index-url 2>/dev/null || true)}}" \
	$(UV) --require-hashes -r $(1) || { echo "uv could not install, so pip does, more slowly"; \
	$(PIP) install --require-hashes --no-compile -r $(1); }

# A .venv whose Python no longer starts, or that came along from another folder, is made anew.
ifneq ($(shell $(BIN)/python -c 'import sys; print(sys.prefix)' 2>/dev/null),$(CURDIR)/$(VENV))
$(shell rm -f $(RUNS) $(LOCKED) $(INSTALLED))
endif

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all interop bench docs pictures lint format lock clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12

install: $(LOCKED) $(INSTALLED) ## make .venv with everything in it (quick when nothing has changed)

# What a run needs, and uv, which pip installs. The stamp, a copy of the lock, comes last: whatever was interrupted before it
# starts from nothing the next time.
$(RUNS): requirements.txt
	@if cmp -s $< $@; then touch $@; exit; fi; set -e; \
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
		"docketsim needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try make PYTHON=python3.13")'; \
	echo "Making $(VENV) from $<: some seconds, once"; \
	rm -rf $(VENV); \
	$(PYTHON) -m venv $(VENV); \
	sed -n '/^uv==/,/# via/p' $< > $(VENV)/uv.txt; \
	$(PIP) install --require-hashes --no-compile -r $(VENV)/uv.txt; \
	$(call INSTALL,$<); \
	cp $< $@

# What the tests, the checks and the pages need besides. The libraries are compiled here on all cores, but for their own tests.
$(LOCKED): requirements-dev.txt $(RUNS)
	@if cmp -s $< $@; then touch $@; exit; fi; set -e; \
	echo "Adding $<: about half a minute, once"; \
	mv $(RUNS) $(VENV)/.adding; \
	$(call INSTALL,$<); \
	$(BIN)/python -m compileall -qq -j $(JOBS) -x '/tests?/' $(VENV)/lib || true; \
	mv $(VENV)/.adding $(RUNS); \
	cp $< $@

# hatchling is in the lock, so the project itself needs no build environment and no network.
$(INSTALLED): $(RUNS) pyproject.toml
	@$(UV) --offline --no-deps --no-build-isolation --editable .
	@touch $@

# The SimPy engine needs nothing that has to be compiled first.
demo: $(INSTALLED) ## simulate the pilot review of 2011, beside what was published
	@rm -rf runs/demo
	$(BIN)/docketsim run pilot --replications 10 --seed 1 --by represented --engine simpy --out runs/demo
	@$(BIN)/docketsim report runs/demo --out runs/demo.html

# The tests start many processes, each of which would compile the packages again where PYTHONDONTWRITEBYTECODE is set.
test: install ## run the tests, but for the slow ones
	@$(BIN)/python -m compileall -qq workflow simulations
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test-all: install ## run the slow tests too
	DOCKETSIM_ALL_EXAMPLES=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not benchmark"

interop: install ## test that pm4py reads the exports and that audits agree with it, in an environment of its own: its licence (AGPL) and packages stay out of .venv
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(INTEROP)
	$(BIN)/uv pip install --quiet --python $(INTEROP) --constraints requirements-dev.txt --group interop --group test --editable .
	$(INTEROP)/bin/python -m pytest tests/simulations/test_exports_read_by_pm4py.py tests/workflow/test_audit_agrees_with_pm4py.py

bench: install ## measure the speed, beside other tools, and write the tables of docs/explanation/speed.md (about twenty minutes, 15 GB of disk)
	@$(PIP) install --require-hashes -r requirements-bench.txt
	$(BIN)/python -m pytest -n 0 -m benchmark -s
	$(BIN)/python -m tests.benchmarks.table

docs: install ## build the documentation in build/docs; a warning is an error
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --fresh-env --quiet --jobs $(JOBS) -d build/doctrees docs build/docs

pictures: install ## make the pictures of README.md (needs Chromium)
	$(BIN)/python docs/pictures.py

lint: install ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## put the code into the format that lint asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install ## write the lock files from pyproject.toml (UPGRADE=1: with the newest releases)
	$(COMPILE) pyproject.toml --group build --output-file requirements.txt
	$(COMPILE) pyproject.toml --constraints requirements.txt --group test --group lint --group build --group docs --output-file requirements-dev.txt
	$(COMPILE) --constraints requirements-dev.txt --group bench --output-file requirements-bench.txt

clean: ## remove .venv and what the tools leave behind (runs/ stays)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find workflow simulations tests -name __pycache__ -type d -prune -exec rm -rf {} +
