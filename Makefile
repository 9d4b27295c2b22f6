# The four habits: make lint, make test, make bench, make demo. Each works on a fresh clone.
# make soak: a node is killed hundreds of times, for most of an hour; KILLS=25 for some minutes.
# make powercut: the power of a machine on which a node runs is cut 50 times, in half an hour; CUTS=5 for minutes.
# make fuzz: two million executions of what reads received files (docs/security.md), about two hours on one core.
# make test-reactor: pynetdicom's own tests, against the node's reactor.
# make test-models: what needs torch, nnU-Net and MONAI, training too, in an environment of their own (2.5 GB).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
STUBS := $(VENV)/stubs/.installed
PYTEST := pytest -n 2 --dist loadfile
KILLS ?= 300
CUTS ?= 50
MODEL_TESTS := $(addprefix tests/unit/inference/,bundles engines importers network) \
	tests/integration/test_models.py $(wildcard tests/unit/node/test_*models.py) \
	tests/unit/training tests/integration/test_meteor.py
# pynetdicom's own tests of what dicom_io/network/reactor.py takes the place of, or runs beneath. Three are left out: two
# need a name server, and one a terminal that SIGINT reaches.
REACTOR_TESTS := $(addprefix pynetdicom.tests.test_,acse ae assoc assoc_n assoc_user dimse_provider dul events fsm \
	service_n service_storage service_verification transport)
NOT_EVERYWHERE := test_association_timeouts or test_connection_timeout or test_start_server_keyboard_interrupt
REACTOR = $(BIN)/python -m pytest -c /dev/null -o cache_dir=$(CURDIR)/.pytest_cache/reactor -p tests.reactor_plugin \
	--timeout 60 -k 'not ($(NOT_EVERYWHERE))'

.PHONY: lint test test-models test-reactor soak powercut fuzz bench demo install clean

install: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(STAMP)

# TensorRT's types without TensorRT, which the stubs would bring; two kinds of their signatures are not Python.
$(STUBS): $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(VENV)/stubs \
		tensorrt-stubs==10.13.0.35.1
	sed -i -E 's/\bin: /in_: /; s/channel_axis: int\)/channel_axis: int = ...)/' \
		$(VENV)/stubs/tensorrt_bindings/tensorrt.pyi
	touch $(STUBS)

lint: $(STAMP) $(STUBS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(STAMP)
	$(BIN)/$(PYTEST) $(TESTS)

test-models: $(STAMP)
	"$$($(BIN)/python -m benchmarks.peers)" -m $(PYTEST) -m 'not gpu' $(MODEL_TESTS)

soak: $(STAMP)
	UPTAKE_SOAK_KILLS=$(KILLS) $(BIN)/pytest tests/soak

powercut: $(STAMP)
	UPTAKE_POWER_CUTS=$(CUTS) $(BIN)/pytest tests/powercut

# Some of them sleep for a while and then expect something: what fails on a busy machine is tried again, alone.
test-reactor: $(STAMP)
	$(REACTOR) -n 4 --pyargs $(REACTOR_TESTS) || $(REACTOR) --last-failed --pyargs $(REACTOR_TESTS)

bench: $(STAMP)
	$(BIN)/python -m benchmarks

demo: $(STAMP)
	$(BIN)/uptake demo

# Defects go to fuzz/; none may be left.
fuzz: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,fuzz]'
	$(BIN)/python -W ignore -m tests.fuzz walk -runs=1000000
	$(BIN)/python -W ignore -m tests.fuzz read -runs=800000
	$(BIN)/python -W ignore -m tests.fuzz analyse -runs=300000

clean:
	rm -rf $(VENV) .bench-venv build fuzz *.egg-info
