# make bench   set up everything and run the main job on images that need no download
# make record  run everything on the published test sets; needs BENCH_DATA and an hour or two
# make test    set up everything and run the tests, lint and types
VENV   ?= .venv
PYTHON  = $(VENV)/bin/python
STAMP   = $(VENV)/.installed
SUDO    = $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: bench test lint setup octave record clean

bench: setup
	$(PYTHON) -m bench run --methods blurry,dd,dds,dp,known-kernel

test: setup lint
	$(PYTHON) -m pytest

lint: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

record: setup
	$(PYTHON) -m bench run --out results/record --datasets svhn,shoes,celeba,levin \
	    --methods 'blurry,dd,dds,dd-warm,dds-warm,kernel-net,dp,ep,oh,df,published-*,range-oracle,known-*'
	$(PYTHON) -m bench run --out results/record --datasets '*-range' --methods blurry,dd

setup: $(STAMP) octave

# PyTorch first, pinned, and preferably its CPU build: a plain "torch" would bring gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	@python3 -c 'import ensurepip' 2>/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3-venv; }
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install -q -c constraints.txt torch --retries 1 \
	    --extra-index-url https://download.pytorch.org/whl/cpu
	$(PYTHON) -m pip install -q -c constraints.txt -e '.[test,lint]'
	touch $(STAMP)

octave:
	@command -v octave-cli >/dev/null || command -v octave >/dev/null \
	    || { echo "Installing Octave …"; $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends octave >/dev/null; } \
	    || echo "Octave could not be installed: the methods that need it will be listed as unavailable."

clean:
	rm -rf $(VENV) runs build dist *.egg-info
