# make bench      set up everything and run the main job on images that need no download
# make test       set up everything and run the tests, lint and types
# make docs       build the documentation site in build/site
# make record     run everything on the published test sets; needs BENCH_DATA and a night
# make published  run the published presets on a few of them, write reports/speed.md; hours
VENV   ?= .venv
PYTHON  = $(VENV)/bin/python
STAMP   = $(VENV)/.installed
SUDO    = $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: bench test docs lint setup octave opencv browser record published clean

bench: setup
	$(PYTHON) -m bench run --methods blurry,dd,dds,dp,known-kernel

test: setup lint browser
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2 --dist worksteal
	$(PYTHON) -m bench benchmark start-up --check --times 1

lint: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports --no-cache >/dev/null || $(VENV)/bin/lint-imports --no-cache

docs: setup
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict -q

RECORD  = $(PYTHON) -m bench run --output results/record
LARGE   = blurry,l0,dp,ep,oh,df,cnn,deblurgan,unet,dd,dds,marginal,marginal-tv,range-oracle,known-kernel
record: setup
	$(RECORD) --datasets svhn,shoes,celeba,levin --methods '*'
	$(RECORD) --datasets '*-range' --methods blurry,dd
	$(RECORD) --datasets svhn,shoes,celeba --methods dd,dds,dd-warm,dds-warm --seed 1,2 --images 24
	$(RECORD) --datasets pggan-samples,pggan,faces128 --methods $(LARGE) --images 24
	$(PYTHON) -m bench sweep noise --output results/record/sweeps/noise
	$(PYTHON) -m bench sweep blur-length --output results/record/sweeps/blur-length
	$(PYTHON) -m bench decompose results/record --images 24
	$(PYTHON) -m bench report
	$(PYTHON) -m bench report paper

PUBLISHED = $(PYTHON) -m bench run --output results/published --datasets svhn,shoes,celeba --time-limit 7200
published: setup
	$(PUBLISHED) --methods dd,dds --set dd.preset=published --set dds.preset=published --images 2
	$(PUBLISHED) --methods range-oracle --set range-oracle.preset=published --images 4
	$(PYTHON) -m bench benchmark deep-deblur

setup: $(STAMP) octave opencv

# PyTorch first, pinned, and preferably its CPU build: a plain "torch" would bring gigabytes of CUDA.
# Its index is asked only where it answers, for pip would try it in vain for every package.
TORCH_INDEX = https://download.pytorch.org/whl/cpu
REACHED     = python3 -c 'import urllib.request as u; u.urlopen("$(TORCH_INDEX)/torch/", timeout=5)' 2>/dev/null
$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV): some three minutes, most of them for PyTorch."
	@python3 -c 'import ensurepip' 2>/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3-venv; }
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install -q --disable-pip-version-check -c constraints.txt torch \
	    $$($(REACHED) && echo --extra-index-url $(TORCH_INDEX))
	$(PYTHON) -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test,lint,docs]'
	touch $(STAMP)

octave:
	@command -v octave-cli >/dev/null || command -v octave >/dev/null \
	    || { echo "Installing Octave …"; $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends octave >/dev/null; } \
	    || echo "Octave could not be installed: the methods that need it will be listed as unavailable."

# OpenCV's wheel links against these; a desktop has them, a bare server may not.
opencv: $(STAMP)
	@$(PYTHON) -c 'import cv2' 2>/dev/null \
	    || { echo "Installing libraries for OpenCV …"; $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libgl1 libglib2.0-0 >/dev/null; }

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	    || { echo "Installing Chromium …"; $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	    || echo "Chromium could not be installed: the tests that open the HTML page will be skipped."

clean:
	rm -rf $(VENV) runs build dist *.egg-info
