# packcenter: `make demo` runs the hall, `make test` everything that must pass. Both make .venv from the lock first.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
CYCLES ?= 30
IMAGES ?= 2000
SEEDS ?= 0:1000
# pytest workers: the suite is sized for two cores
WORKERS ?= 2
# each commit looks at other seeds; the same number repeats the same ones
export PACKCENTER_ROTATION ?= $(shell git rev-list --count HEAD 2>/dev/null || echo 0)

.PHONY: help demo test check fast slow format lint bench explore crash torture seeded-bugs fuzz coverage mutants pictures dashboards digests lock clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.venv/ready: requirements.lock pyproject.toml
	@.ci/venv .venv $(PYTHON)

demo: .venv/ready  ## the reference hall over real sockets (ARGS="--speed 10 --for 20m")
	$(BIN)/packcenter demo $(ARGS)

test: check slow digests  ## everything that must pass

check: lint fast  ## format, lint, types, import contracts, fast tests

lint: .venv/ready  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

fast: .venv/ready  ## the fast tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow"

slow: .venv/ready  ## processes, sockets, pictures, crash images
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m slow

digests: .venv/ready  ## one decision digest on every supported Python and under three hash seeds
	@.ci/digests

format: .venv/ready  ## put the sources in form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/ready  ## medians and ratios against the bare loops, kept as JSON
	$(BIN)/python tests/bench/bench.py $(ARGS)

explore: .venv/ready  ## the hall under random faults (SEEDS=0:1000, ARGS="--level wire --hours 10")
	$(BIN)/packcenter explore --seeds $(SEEDS) $(ARGS)

crash: .venv/ready  ## crash images of the journal (IMAGES=1000000)
	$(BIN)/python tests/journal/crash.py --progress --images $(IMAGES) $(ARGS)

seeded-bugs: .venv/ready  ## every deliberate fault must be found (ARGS="--share 3/10")
	$(BIN)/python tests/seeded/hunt.py $(ARGS)

fuzz: .venv/ready  ## malformed frames and sessions, both directions (ARGS="--modbus 1000000")
	$(BIN)/python tests/hostile/fuzz.py $(ARGS)

coverage: .venv/ready  ## every branch of core, mailbox, codec and journal, through their public faces
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -p no:xdist -m "not slow" tests/core tests/plc tests/journal tests/service/test_recovery.py tests/simulation/test_disk.py
	$(BIN)/python -m coverage report --fail-under=100 \
		--include='packcenter/core/*,packcenter/plc/mailbox.py,packcenter/plc/image.py,packcenter/journal/*,packcenter/service/recovery.py'

mutants: .venv/ready  ## small changes that the tests must notice (ARGS="core --share 1/10")
	$(BIN)/python tests/mutation/score.py $(ARGS)

torture: .venv/ready  ## kill -9 and PLC restarts against real processes (CYCLES=30)
	$(BIN)/python tests/live/torture.py --cycles $(CYCLES) $(ARGS)

dashboards: .venv/ready  ## build grafana/dashboards/*.json
	$(BIN)/python -m grafana.build

pictures: .venv/ready  ## draw the dashboards over live data with Grafana's own components
	$(BIN)/python -m grafana.preview.render $(ARGS)

lock:  ## renew requirements.lock
	uv pip compile -q --upgrade --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --group pyproject.toml:dev pyproject.toml -o requirements.lock

clean:  ## remove what was made here, runs excepted
	rm -rf .venv .venv-3.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
