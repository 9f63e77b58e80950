# Every target sets up what it needs; see tools/bootstrap.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
BOOTSTRAP := tools/bootstrap
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONUTF8 := 1

.PHONY: help
help: ## Show this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: demo
demo: ## Start daemon, virtual card and portal; ends with Ctrl-C / デモを起動
	@$(BOOTSTRAP) demo
	@exec setpriv --pdeathsig TERM $(BIN)/python tools/demo.py

.PHONY: test
test: ## Run every check and every test, browser and virtual card included
	@exec tools/test

.PHONY: test-daemon test-browser test-portal test-client
test-daemon: set-up
	$(BIN)/pytest --no-skips tests --ignore tests/browser
test-browser: set-up
	BRIDGED_CHROMIUM=$$(tools/chromium) $(BIN)/pytest --no-skips tests/browser
test-portal: set-up
	$(BIN)/pytest --no-skips portal-demo/tests
test-client: set-up
	cd client-js && npm test --silent 2>&1 | awk '{ print; fflush() } \
	  /^[^ ]+ (skipped|todo) [1-9]/ { skipped = 1 } \
	  END { if (skipped) { print "A skipped test is a failed test here."; exit 1 } }'

.PHONY: check check-python check-types check-imports check-client check-shell
check: check-python check-types check-imports check-client check-shell ## Lint, format, types, imports, shell
check-python: set-up
	$(BIN)/ruff check
	$(BIN)/ruff format --check
check-types: set-up
	$(BIN)/mypy
	$(BIN)/mypy tools examples
check-imports: set-up
	$(BIN)/lint-imports
check-client: set-up
	cd client-js && npm run --silent check
check-shell: set-up
	shellcheck $$(grep -rlIE '^#!.*\b(ba)?sh$$' tools .ci packaging tests/boot)

.PHONY: format
format: set-up ## Format and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	cd client-js && npm run --silent format

.PHONY: bench
bench: set-up ## Measure bridged and the portal beside the least that does the same (10 minutes)
	$(BIN)/python tools/bench.py
	PYTHONPATH=portal-demo/tests $(BIN)/python tools/bench_portal.py

FUZZ_SECONDS ?= 120
.PHONY: fuzz
fuzz: set-up ## Fuzz all that reads what a card says, for FUZZ_SECONDS (120)
	mkdir -p build/fuzz/corpus
	$(BIN)/python tests/fuzz/run.py -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=2048 \
	  -max_len=512 -artifact_prefix=build/fuzz/ build/fuzz/corpus tests/fuzz/corpus

.PHONY: build
build: set-up ## Build the wheels and the npm package into build/
	$(BIN)/uv build --quiet --no-build-isolation --out-dir build .
	$(BIN)/uv build --quiet --no-build-isolation --out-dir build portal-demo
	cd client-js && npm pack --silent --pack-destination ../build

SUITES := bookworm trixie noble resolute
.PHONY: deb deb-test boot-test pipx-test
deb: set-up ## Build the Debian package into build/
	@tools/deb
deb-test: deb ## Install, use, upgrade and purge it in fresh systems (as root); SUITE=noble: there alone
	@for suite in $(or $(SUITE),$(SUITES)); do tools/deb-test $$suite || exit; done
	@$(if $(SUITE),,tools/deb-test --refused jammy)
boot-test: deb build ## Boot fresh systems with systemd and use the units there (as root); SUITE=noble: that alone
	@for suite in $(or $(SUITE),$(SUITES)); do tools/boot-test $$suite || exit; done
pipx-test: build ## Install the wheel with pipx in fresh Debian 12 and 13, polkit included (as root)
	@tools/pipx-test bookworm
	@tools/pipx-test trixie

.PHONY: clean
clean: ## Remove what was built and installed here
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	rm -rf client-js/dist client-js/node_modules portal-demo/portal_demo/static/bridged
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: set-up
set-up:
	@$(BOOTSTRAP) test
