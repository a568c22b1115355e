# The two commands: `make run` and `make test`. PYTHON names the interpreter to build .venv from (3.11 or newer).
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
HOST ?= 127.0.0.1
PORT ?= 8501

# The tests run in two lots: the quick ones two at a time, then those that train or drive Chromium alone, for they use both cores.
.PHONY: run test test-learning check tools viewer lock clean

run: $(VENV)/.ready
	$(VENV)/bin/streamlit run app.py --server.address $(HOST) --server.port $(PORT)

test: $(VENV)/.ready-dev
	scripts/real-parts
	$(VENV)/bin/python -m training tools --build
	$(VENV)/bin/python -m pytest -q -m "not line and not browser and not learning" -n 2
	$(VENV)/bin/python -m pytest -q -m "(line or browser) and not learning"

# Trains the real small model as the README's first run does: twenty minutes on two idle cores; needs the package registry.
test-learning: $(VENV)/.ready-dev
	$(VENV)/bin/python -m training tools --build
	$(VENV)/bin/python -m pytest -q -m learning

check: $(VENV)/.ready-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

tools: $(VENV)/.ready
	$(VENV)/bin/python -m training tools --build

# The source viewer's bundle is in the tree; this makes it again (needs Node.js and npm).
viewer:
	cd ui/code_view/frontend && npm ci && npm run build

# Writes down what the pins pulled in.
lock: | $(VENV)/bin/python
	$(PIP) install -q -r requirements.txt -r requirements-dev.txt
	$(PIP) freeze --exclude-editable | sed 's/^\(torch==[0-9.]*\)+.*/\1/' > requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt requirements.lock | $(VENV)/bin/python
	$(PIP) install -q -r requirements.txt -c requirements.lock
	touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.ready
	$(PIP) install -q -r requirements-dev.txt -c requirements.lock
	touch $@
