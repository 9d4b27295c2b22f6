# The four habits: make lint, make test, make bench, make demo. Each works on a fresh clone.
# make test-reactor: pynetdicom's own tests, against the node's reactor.
# make test-models: what needs torch, nnU-Net and MONAI, training too, in an environment of their own (2.5 GB).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
STUBS := $(VENV)/stubs/.installed
PYTEST := pytest -n 2 --dist loadfile
MODEL_TESTS := $(addprefix tests/unit/inference/,bundles engines importers network) \
	tests/integration/test_models.py $(wildcard tests/unit/node/test_*models.py) \
	tests/unit/training tests/integration/test_meteor.py
# pynetdicom's own tests of what dicom_io/network/reactor.py takes the place of, or runs beneath. Three are left out: two
# need a name server, and one a terminal that SIGINT reaches.
REACTOR_TESTS := $(addprefix pynetdicom.tests.test_,acse ae assoc assoc_n assoc_user dimse_provider dul events fsm \
	service_n service_storage service_verification transport)
NOT_EVERYWHERE := test_association_timeouts or test_connection_timeout or test_start_server_keyboard_interrupt

.PHONY: lint test test-models test-reactor bench demo install clean

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

test-reactor: $(STAMP)
	$(BIN)/python -m pytest -n 4 -c /dev/null -p no:cacheprovider -p tests.reactor_plugin --timeout 60 \
		-k 'not ($(NOT_EVERYWHERE))' --pyargs $(REACTOR_TESTS)

bench: $(STAMP)
	$(BIN)/python -m benchmarks

demo: $(STAMP)
	$(BIN)/uptake demo

clean:
	rm -rf $(VENV) .bench-venv build *.egg-info
