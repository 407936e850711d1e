# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
# Python 3.11 or newer and make are all that must be there.

PYTHON ?= python3
BIN := .venv/bin
# Every test that starts the program would compile it again without this.
unexport PYTHONDONTWRITEBYTECODE
DATABASE ?= sqlite:///postroom.db

.PHONY: demo test serve bench chaos nightly inventory lint types format constraints clean

demo: .venv/server
	@$(BIN)/postroom demo

serve: .venv/server
	@$(BIN)/postroom serve --database $(DATABASE)

test: .venv/dev lint types
	@$(BIN)/python -m pytest -n 2 --dist worksteal --junitxml .venv/tests.xml
	@$(BIN)/python tests/house/inventory.py check .venv/tests.xml

# After adding or removing tests: what `make test` must find from now on.
inventory: .venv/dev
	@$(BIN)/python -m pytest --collect-only -q | $(BIN)/python tests/house/inventory.py write

nightly: .venv/dev
	@$(BIN)/python -m pytest -m nightly --timeout 7200
	@$(BIN)/python -m pytest tests/unit tests/contract --hypothesis-profile new

bench: .venv/bench
	@$(BIN)/python -m benchmarks.main_job
	@$(BIN)/python -m benchmarks.cluster
	@$(BIN)/python -m benchmarks.bulk_send
	@$(BIN)/python -m benchmarks.deciding
	@$(BIN)/python -m benchmarks.checking
	@$(BIN)/python -m benchmarks.retention

chaos: .venv/dev
	@$(BIN)/python -m benchmarks.chaos --save

lint: .venv/dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/lint-imports > .venv/lint-imports.txt || (cat .venv/lint-imports.txt; exit 1)

types: .venv/dev
	@$(BIN)/mypy --no-error-summary

format: .venv/dev
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

# Pins every dependency with its hashes; the file names no index.
constraints: .venv/dev
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --group build -o constraints/build.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --extra server -o constraints/server.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --extra postgresql -c constraints/server.txt \
	  -o constraints/postgresql.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --extra server --group dev -o constraints/dev.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --extra server --group dev --group bench -c constraints/dev.txt \
	  -o constraints/bench.txt pyproject.toml

.venv/server: constraints/server.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing Postroom into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints/build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints/server.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: constraints/dev.txt .venv/server
	@echo "Installing what the tests need into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints/dev.txt
	@touch $@

.venv/bench: constraints/bench.txt .venv/dev
	@echo "Installing what the benchmarks compare with into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints/bench.txt
	@touch $@

clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
