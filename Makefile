# The two commands of a person are `make show` and `make test`; the others are what they and CI are made of.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NPM := npm --prefix frontend

.PHONY: help setup show test quick check fuzz bench bench-voice bench-natural bench-page bench-phone soak pictures lock clean

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s ':'

# Without its models the house speaks and hears less well, which it says at each start: that fails nothing.
setup: $(VENV)/.ready src/duologue/web/static/.ready $(VENV)/.models  ## Make .venv/bin/duologue, the page and the models ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Duologue needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@# Debian's python3 without python3-venv leaves one without pip behind; made again, it gets it
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src/duologue  # else the first show compiles it, and is on air a second later
	@touch $@

$(VENV)/.models: $(VENV)/.ready src/duologue/models/entries.py
	@$(BIN)/duologue models get natural || \
	  echo "Setup goes on without: espeak speaks like a robot, PocketSphinx mishears four words of ten." \
	    "Whenever you like: $(BIN)/duologue models get natural"
	@touch $@

frontend/node_modules/.ready: frontend/package.json frontend/package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && npm --version >/dev/null || { \
	  echo "The page is built with Node 20 or newer, and npm: install them (nodejs.org), then run make again." >&2; exit 1; }
	$(NPM) ci --no-audit --no-fund
	@touch $@

PAGE_SOURCES := $(shell find frontend/src frontend/public frontend/index.html frontend/face.html frontend/vite.config.ts frontend/compress.ts -type f 2>/dev/null)
src/duologue/web/static/.ready: frontend/node_modules/.ready $(PAGE_SOURCES)
	$(NPM) run build
	@touch $@

show: setup  ## Put the show on air at http://127.0.0.1:8081
	$(BIN)/duologue show

# A third of what the tests take is waiting (for a sound's end, a process, a picture): three workers left a third of two cores idle.
# Long files are not left for the end. A test that fails is tried once more, which the summary says with the first try's traceback:
# among thousands on a shared machine chance finds one. More than ten are no chance. Without bytecode each worker, and each program
# that a test starts, would compile all that it imports.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup  ## All tests
	$(NPM) test
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --reruns 1 --max-suite-reruns 10 --rerun-show-tracebacks

quick: export PYTHONDONTWRITEBYTECODE :=
quick: setup  ## The everyday tests, under a minute
	HYPOTHESIS_FEW=1 $(BIN)/python -m pytest -m "not slow and not peer and not realtime" -q -n 2 --dist loadfile

check: setup  ## What a reviewer's machine checks: lint, types, floors
	$(BIN)/ruff check src tests benchmarks packs
	$(BIN)/ruff format --check src tests benchmarks packs
	frontend/node_modules/.bin/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(NPM) run check

FUZZ_SECONDS ?= 20
fuzz: setup  ## Random conversations, and what comes from the network, by coverage: FUZZ_SECONDS for each of nine targets
	$(BIN)/python tests/fuzz/fuzz_conversation.py $(FUZZ_SECONDS)
	$(BIN)/python -m pip install --quiet atheris==3.0.0
	for target in message stream description digest media audiosocket twilio agent; do \
	  $(BIN)/python tests/fuzz/fuzz_phone.py $$target $(FUZZ_SECONDS) || exit 1; done

bench: setup  ## The figures of docs/performance.md, about forty minutes
	$(BIN)/python -m benchmarks

bench-voice: setup  ## The voice core beside pipecat and LiveKit Agents, a quarter of an hour
	$(BIN)/python -m benchmarks.voice

bench-phone: setup  ## The phone line, by captured packets: answers, pacing, calls held, losses; half an hour (needs models get natural kokoro)
	$(BIN)/python -m benchmarks.phone

bench-page: setup  ## The Talk page in Chromium, and many talks at once; half an hour (needs chromium, models get natural kokoro)
	$(BIN)/python -m benchmarks.page

bench-natural: setup  ## What the natural ears and voice do, three quarters of an hour; callers are rendered once (needs models get kokoro)
	$(BIN)/python -m benchmarks.natural

soak: setup  ## Ten minutes on air: memory and CPU
	$(BIN)/python -m benchmarks.soak

pictures: setup  ## Renew the pictures of the README and of docs/pages.md
	PAGE_SCREENSHOT=docs/pictures/page.png $(BIN)/python -m pytest -q tests/page/test_page_live.py
	PAGE_PICTURES=docs/pictures/pages $(BIN)/python -m pytest -q tests/page/test_page_live.py tests/page/test_page_looks.py tests/page/test_page_talk.py \
	  tests/page/test_page_lesson.py tests/page/test_page_tutor.py tests/page/test_page_face.py tests/page/test_page_access.py \
	  tests/page/test_page_takeover.py tests/page/test_page_evidence.py

lock:  ## Renew requirements.lock (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate -o requirements.lock

clean:  ## Remove what setup and bench made
	rm -rf $(VENV) frontend/node_modules src/duologue/web/static benchmarks/out
