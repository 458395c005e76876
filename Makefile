# Each command creates what it needs under this checkout: Python with pip, make and a package index are enough.

PYTHON ?= python3
ENV := .venv
BIN := $(ENV)/bin
PEERS := .venv-peers
KERAS := .venv-keras
SOURCES := pyproject.toml setup.py $(wildcard native/*)

.PHONY: demo demo-compiled test test-keras test-keras-slice lint bench bench-peers compare clean

demo: $(ENV)/.examples  ## train a classifier on the real handwritten digits and draw the result
	$(BIN)/python examples/digits.py

demo-compiled: $(ENV)/.xla  ## train it twice, with steps taken at once and with compiled ones, and compare
	$(BIN)/python examples/digits_compiled.py

test: $(ENV)/.test lint  ## run the linter, the type checker, all tests, and a slice of Keras's own
	$(BIN)/python -m pytest -n 2
	$(BIN)/python -m tests.keras.conformance --slice -n 2

test-keras: $(KERAS)/.guests  ## run Keras's own tests on gradtape (installs TensorFlow and PyTorch, which they use)
	$(KERAS)/bin/python -m tests.keras.conformance -n 2

test-keras-slice: $(ENV)/.test  ## run a few files of each kind of Keras's own tests
	$(BIN)/python -m tests.keras.conformance --slice -n 2

lint: $(ENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: $(PEERS)/.ready  ## measure speed and memory beside NumPy, TensorFlow, PyTorch, JAX and autograd
	PYTHONPATH=. $(PEERS)/bin/python -m benchmarks.eager
	PYTHONPATH=. $(PEERS)/bin/python -m benchmarks.memory
	PYTHONPATH=. $(PEERS)/bin/python -m benchmarks.compiled
	PYTHONPATH=. $(PEERS)/bin/python -m benchmarks.loops
	PYTHONPATH=. $(PEERS)/bin/python -m benchmarks.higher_order
	PYTHONPATH=. $(PEERS)/bin/python -m benchmarks.kernels
	PYTHONPATH=. $(PEERS)/bin/python -m benchmarks.data
	PYTHONPATH=. $(PEERS)/bin/python -m benchmarks.keras

compare: $(PEERS)/.ready  ## run some 2000 small calls under TensorFlow too and print where the two differ
	PYTHONPATH=. $(PEERS)/bin/python -m tests.differential.compare

bench-peers: $(PEERS)/.ready  ## create the peers' environment only

$(BIN)/python:
	$(PYTHON) -m venv $(ENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(ENV)/.examples: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[examples]"
	touch $@

$(ENV)/.xla: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[examples,xla]"
	touch $@ $(ENV)/.examples

$(ENV)/.test: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@ $(ENV)/.examples $(ENV)/.xla

$(PEERS)/.ready: benchmarks/requirements-peers.txt $(SOURCES)
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --upgrade pip
	$(PEERS)/bin/python -m pip install --quiet --requirement benchmarks/requirements-peers.txt
	$(PEERS)/bin/python -m pip install --quiet --no-deps --editable .
	touch $@

$(KERAS)/.ready: $(SOURCES)
	test -x $(KERAS)/bin/python || $(PYTHON) -m venv $(KERAS)
	$(KERAS)/bin/python -m pip install --quiet --editable ".[keras]" keras==3.15.1 pytest pytest-xdist
	touch $@

$(KERAS)/.guests: tests/keras/requirements.txt $(KERAS)/.ready
	$(KERAS)/bin/python -m pip install --quiet --requirement tests/keras/requirements.txt
	touch $@

clean:
	rm -rf $(ENV) $(PEERS) $(KERAS) digits.png digits_compiled.png
