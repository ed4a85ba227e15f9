# Everything a user does. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FLASK := $(BIN)/flask --app main
CODE := api bench core domain infra tests config.py main.py gunicorn.conf.py Documentation/generate.py

.DEFAULT_GOAL := help
.PHONY: help run serve load migrate sample test torture lint types format docs lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: migrate sample ## Set up, load the CSVs of the source folder, print both reports, serve
	$(FLASK) load || test $$? -eq 3
	$(FLASK) report-hired-by-quarter
	$(FLASK) report-hiring-above-average
	$(BIN)/gunicorn

serve: migrate ## Set up and serve, without a load
	$(BIN)/gunicorn

load: migrate ## Load the CSVs of the source folder
	$(FLASK) load

migrate: $(VENV)/run ## Bring the database to the newest schema
	$(FLASK) migrate

sample: $(VENV)/run ## Make sample CSVs in ./data, if there are none
	@test -n "$$SOURCE_URL" || ls data/*.csv >/dev/null 2>&1 || $(BIN)/python -m bench.generate data

test: $(VENV)/dev ## Run all tests with branch coverage
	$(BIN)/pytest -n auto --cov --cov-report=term

torture: $(VENV)/dev ## Kill and freeze workers 500 times; FAULT_SEED replays, FAULT_COUNT says how often
	FAULT_COUNT=$${FAULT_COUNT:-500} FAULT_SEED=$${FAULT_SEED:-$$(date +%s)} $(BIN)/pytest -n auto tests/faults

lint: $(VENV)/dev ## Check style, format and the direction of imports
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports

types: $(VENV)/dev ## Check types
	$(BIN)/mypy

format: $(VENV)/dev ## Format the code
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

docs: $(VENV)/run ## Write the generated pages of Documentation
	$(BIN)/python -m Documentation.generate

lock: ## Pin the newest allowed versions in requirements*.txt (needs uv)
	uv pip compile -q --universal --generate-hashes --no-header pyproject.toml -o requirements.txt
	uv pip compile -q --universal --generate-hashes --no-header --group dev pyproject.toml -o requirements-dev.txt

clean: ## Remove what the targets made, but for data and databases
	rm -rf $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/run: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/run
