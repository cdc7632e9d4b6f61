# `make demo` runs the main job on the embedded scenes, `make check` the quick tests, `make test` nearly all, `make test-all` all of
# them. Each installs first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
DEMO_FLAGS := --config experiments/demo.yaml --cache $(DEMO)/cache --workers 2

PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: install demo check test test-all lint docs package clean

install: $(VENV)/installed

# torch comes first and from the pinned version, so that no other package's range pulls in a larger build. Last come versions that
# work in spite of another package's limit (docs/security.md).
$(VENV)/installed: setup.cfg constraints.txt overrides.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r overrides.txt
	touch $@

demo: install
	$(BIN)/hwasc search $(DEMO_FLAGS) --data synthetic --space small --budget budgets/dcase2024.yaml --run $(DEMO)/search --out $(DEMO)/best.json
	$(BIN)/hwasc distill $(DEMO_FLAGS) --data synthetic --arch $(DEMO)/best.json --run $(DEMO)/distill
	$(BIN)/hwasc profile --arch $(DEMO)/best.json --budget budgets/dcase2024.yaml --cross-checks --html $(DEMO)/profile.html
	@echo
	@echo "done. What was made:"
	@echo "  architecture  $(DEMO)/best.json"
	@echo "  int8 model    $(DEMO)/distill/student.tflite  $(DEMO)/distill/student.onnx"
	@echo "  reports       $(DEMO)/search/report.html  $(DEMO)/distill/report.html  $(DEMO)/profile.html"
	@$(BIN)/python -c "import json; r = json.load(open('$(DEMO)/distill/result.json')); c = r['costs']; \
	print(f\"  reached       int8 {r['int8']['accuracy']:.1%}, float {r['float']['accuracy']:.1%} macro accuracy on {r['int8']['clips']:,} test clips; \" \
	f\"{c['parameters']:,} parameters, {c['macs']['torchinfo']:,} MACs, {c['int8_memory']['activations']:,} B peak activations\")"

lint: install
	$(BIN)/ruff check .
	$(BIN)/mypy

# The quick lane: at most two minutes on two cores
check: lint
	$(PYTEST) -m "not slow and not long"

# At most ten minutes on two cores
test: lint
	$(PYTEST) -m "not long"

# What CI runs, before a release too
test-all: lint
	$(PYTEST)

# The documentation site, into site/: warnings are errors, no network is needed to build or to read it
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The source archive and the wheel, into dist/, with their metadata checked
package: $(VENV)/release
	rm -rf build dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

$(VENV)/release: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[release]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r overrides.txt
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) node_modules site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
