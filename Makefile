# pdp: needs only make and a python3 that has venv. `make` alone lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
# pip would compile on one core, and the libraries' own tests too. As with pip, a file that is no Python is passed over.
INSTALL := $(PIP) install --no-compile --require-hashes
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x /tests/ $(VENV)/lib || true
RUNS ?= 100000
LINTED := pdp stages tests bench deploy dodo.py

# The stamps carry the folder's name, since an environment that was moved or copied would run the old folder's code.
HERE := $(shell pwd | cksum | cut -d' ' -f1)
MADE := $(VENV)/made-$(HERE)
RUN := $(VENV)/run-$(HERE)
DEV := $(VENV)/dev-$(HERE)

.DEFAULT_GOAL := help
.PHONY: help run test check lint types format behaviours bench bench-peers lint-deploy image crash bits mutate effect determinism e2e fuzz sync lock clean-env

help: ## this list
	@echo "make <target>, PYTHON=$(PYTHON)"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

run: $(RUN) ## set everything up, build (the demo, until you have a configs/pdp.toml), say what is next
	@$(BIN)/pdp demo --if-needed
	@$(BIN)/doit
	@$(BIN)/pdp next

test: $(DEV) ## set everything up and run the tests, on all cores
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

check: lint types test ## all that is to pass before a commit

lint: $(DEV) ## ruff
	@$(BIN)/ruff check $(LINTED)
	@$(BIN)/ruff format --check $(LINTED)

types: $(DEV) ## mypy
	@$(BIN)/mypy

format: $(DEV) ## let ruff mend what it can
	@$(BIN)/ruff check --fix $(LINTED)
	@$(BIN)/ruff format $(LINTED)

behaviours: $(DEV) ## fifteen single edits, each with what ideally runs after it
	@$(BIN)/python -m pytest -v tests/test_behaviours.py

# Seconds for each scene of each campaign, its points chosen at random; 0: every point, which takes hours.
CRASH_SECONDS ?= 30
CRASH = $(BIN)/python -m tests.crash

crash: $(DEV) ## kill a real doit at every write-type call, cut the power, fill the disk, and see that broken builds are found
	@for campaign in kill nested signals errors power after-kill full ext4; do \
		$(CRASH) $$campaign --seconds $(CRASH_SECONDS) || exit 1; done
	@$(CRASH) together --seconds 60
	@$(CRASH).broken

bits: $(DEV) ## flip 10,000 single bits of the registry, and see that none serves wrong data in silence
	@$(BIN)/python -m tests.bits

mutate: $(DEV) ## change the modules a commit rests on, one statement at a time, and see that the tests notice
	@$(BIN)/python -m tests.mutate

effect: $(DEV) ## how often the before-and-after method sees an effect where there is none, simulated
	@$(BIN)/python -m bench.effect

e2e: $(DEV) ## every page and the door in a real browser, screenshots into build/screenshots, figures; needs chromium
	@$(BIN)/python -m pytest -m "slow or not slow" --verbose --capture=no tests/e2e

bench: $(RUN) ## what pdp costs beside other ways to do the same; writes bench/results.json
	@$(BIN)/python -m bench

bench-peers: $(RUN) ## a run with nothing to do in DVC, Snakemake, pytask, Kedro, Dagster and redun, beside pdp; installs them
	@$(BIN)/python -m bench.peers

sync: $(DEV) ## remote state: 20,000 seeds of machines that lose answers and die, every byte tampered with, 1,200 kills; takes a quarter of an hour
	@$(BIN)/python -m tests.sync_sim --seeds 20000
	@$(BIN)/python -m tests.sync_tamper
	@$(BIN)/python -m tests.sync_kill --points 300

determinism: $(DEV) ## the same bytes under 50 hash seeds, four zones and three locales
	@$(BIN)/python -m tests.determinism

fuzz: $(DEV) ## fuzz every parser, guided by coverage: 100,000 inputs each, or make fuzz RUNS=1000; takes long
	@$(BIN)/python -m tests.fuzz --runs $(RUNS)

lint-deploy: $(DEV) ## the Dockerfile, compose, workflows, shell and fly.toml
	@deploy/lint.sh $(BIN)

image: ## build and start both images without an engine (Debian, root: buildah, mmdebstrap)
	@deploy/image.sh

lock: ## write the lock files anew; needs uv on the PATH
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	@$(UV_COMPILE) $(EXTRAS) --extra dev --output-file requirements-dev.lock pyproject.toml -
	@$(UV_COMPILE) --constraint requirements-dev.lock $(EXTRAS) --output-file requirements.lock pyproject.toml -
	@$(UV_COMPILE) --constraint requirements-dev.lock --extra google --extra state --output-file requirements-pipeline.lock pyproject.toml -
	@$(UV_COMPILE) --constraint requirements-dev.lock --extra dashboard --output-file requirements-dashboard.lock pyproject.toml -

EXTRAS = --extra google --extra state --extra dashboard --extra report

# hatchling builds the project's own install, without the network.
UV_COMPILE = echo hatchling | uv pip compile --quiet --no-config --upgrade --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"

clean-env: ## remove the virtual environment
	@rm -rf $(VENV)

$(MADE):
	@command -v $(PYTHON) >/dev/null || { echo "pdp needs Python: there is no $(PYTHON) on the PATH" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "pdp needs Python 3.11 or newer, this is $$($(PYTHON) --version 2>&1); name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) comes without venv or ensurepip; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "making $(VENV) (once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(RUN): $(MADE) requirements.lock pyproject.toml
	@echo "installing what pdp needs (once, about a minute)"
	@$(INSTALL) -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(COMPILE)
	@touch $@

$(DEV): $(RUN) requirements-dev.lock
	@echo "installing what the tests need (once)"
	@$(INSTALL) -r requirements-dev.lock
	@$(COMPILE)
	@touch $@
