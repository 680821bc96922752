# The two commands a newcomer needs are `make run` and `make test`; each makes its environment first.

VENV := .venv
BIN := $(VENV)/bin
SETUP := .ci/setup
# Half as many workers again as there are cores, for tests wait a lot.
WORKERS = $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)
# A file's tests share servers, so a file stays with one worker; the slow ones come first, in the order of the folders.
PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Tests of what decides: the language, the rules, the parameters, who may.
DECIDING := tests/pipeline tests/repos tests/builds/test_rules.py tests/builds/test_params.py

.DEFAULT_GOAL := help
.PHONY: help run test coverage test-postgres check format bench vendor clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/run ## set up and start the server with its demo on http://127.0.0.1:8080
	@GANTRY_DEMO=$${GANTRY_DEMO:-true} $(BIN)/gantry serve

test: $(VENV)/dev ## set up and run the whole test suite; what decides is covered by its own examples, line and branch
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PARALLEL) -m 'not hypothesis' $(DECIDING)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered --fail-under=100 --include='app/pipeline/*,app/builds/rules.py,app/builds/params.py,app/repos/access.py'
	$(BIN)/pytest $(PARALLEL) --examples-ran $(DECIDING)

coverage: $(VENV)/dev ## run the whole test suite and show what it does not cover; takes twice as long
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PARALLEL)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered --skip-empty --sort=cover

test-postgres: $(VENV)/dev ## run what touches the database on a PostgreSQL of its own (root installs it if need be)
	.ci/postgres $(BIN)/pytest $(PARALLEL) -m postgres

check: $(VENV)/dev ## check format, lint, types and the order of the rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev ## measure a real server; prints a table, writes bench.json
	$(BIN)/gantry bench --json bench.json

vendor: $(VENV)/run ## fetch the files of others that are kept here (needs npm); refuses another hash than theirs
	$(BIN)/python .ci/vendor.py app/ui/static/vendor/vendor.toml fixtures/axe/vendor.toml

clean: ## remove what the commands above made, but not data/
	rm -rf $(VENV) build dist bench.json .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/run: pyproject.toml constraints.txt $(SETUP)
	@$(SETUP) $(VENV)
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt $(SETUP)
	@$(SETUP) $(VENV) dev
	@touch $@ $(VENV)/run
