# `make run` shows Fanfare at work, `make test` does everything that CI does.

CARGO ?= cargo
TOOLS := target/tools
VENV := target/venv
VERIFY := crates/server/tests/verify
SCHEMATHESIS := crates/server/tests/schemathesis
SVIX := crates/server/tests/svix
REDOCLY := openapi/lint/node_modules
DENY := $(TOOLS)/bin/cargo-deny
DENY_VERSION := 0.20.2

.PHONY: run test format lint openapi-lint tests mutants simulate signatures svix svix-methods api-document schemathesis power-loss kill nodes outages soak postgresql-plans docs dependencies advisories tools openapi postgresql

# Builds Fanfare, starts it on its embedded store in data/demo with a sample receiver, does the main
# job once, step by step, and keeps serving.
run:
	$(CARGO) run --locked -p fanfare-server -- demo

# From the quick ones to the long ones.
test: format lint docs dependencies tests mutants signatures svix api-document
	@echo "make test: all is well"

format:
	$(CARGO) fmt --all --check

lint: openapi-lint
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

# The committed OpenAPI document, judged by a public linter.
openapi-lint: $(REDOCLY)/.package-lock.json
	REDOCLY_TELEMETRY=off $(REDOCLY)/.bin/redocly lint --config openapi/redocly.yaml openapi/native.json

# The committed OpenAPI document is compared with the code here too. Tests of the store over PostgreSQL
# need its server.
tests: postgresql
	$(CARGO) test --workspace --locked

postgresql:
	scripts/install-postgresql

# Every fault that is planted in the engine must be found by the simulation's rules. The seeds in which
# nothing is planted are part of `tests`.
mutants:
	$(CARGO) test --locked -p fanfare-simulation --features mutants --test sim mutants -- --nocapture

# Many more seeds, on all cores: `make simulate SEEDS=1000000 FROM=0`. One of them with what happened:
# `make simulate SEED=7`.
simulate: export SEEDS ?= 100000
simulate: export FROM ?= 0
simulate:
	$(CARGO) run --release --locked -p fanfare-simulation -- $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --from $(FROM))

# The API's document, held against what is served, always with the same calls; and the same for longer,
# with others.
api-document: tools
	$(CARGO) test --locked -p fanfare-server --test it -- --ignored api_document

schemathesis: export FANFARE_SCHEMATHESIS_EXAMPLES ?= 200
schemathesis: api-document

# Real deliveries, judged by the official libraries for Python and JavaScript.
signatures: tools
	$(CARGO) test --locked -p fanfare-server --test it -- --ignored official_libraries

# Svix's contract with its official clients for Python, JavaScript and Rust; and the table of what each of
# their methods showed, in docs/dialects/svix.md.
svix: tools $(SVIX)/js/node_modules/.package-lock.json target/svix-client/built
	$(CARGO) test --locked -p fanfare-server --test it -- --ignored svix

svix-methods: export WRITE_METHODS = yes
svix-methods: svix

# Longer forms of two tests that are part of `tests`: more moments at which the power fails, more
# kills under load. SEED chooses the chance.
power-loss: export ROUNDS ?= 5000
kill: export ROUNDS ?= 30
power-loss kill: postgresql
	$(CARGO) test --locked -p fanfare-server --test it -- $(subst -,_,$@):: --nocapture --test-threads=1

# Three nodes over one PostgreSQL, killed, paused and cut off from it under load, for longer than in
# `tests`: `make nodes SECONDS=1200 SEED=7`.
nodes: export SECONDS ?= 1200
nodes: postgresql
	$(CARGO) test --locked -p fanfare-server --test it -- nodes:: --nocapture --test-threads=1

# PostgreSQL killed under load, and failed over to a synchronous standby, more often than in `tests`:
# `make outages ROUNDS=10`.
outages: export ROUNDS ?= 10
outages: postgresql
	$(CARGO) test --locked -p fanfare-server --test it -- outages:: --nocapture --test-threads=1

# The real binary under load for a long time, with kills, failing receivers and changes of endpoints:
# nothing may be lost, and memory must stay flat. Writes target/soak/soak.csv and soak.svg.
soak: export MINUTES ?= 60
soak:
	$(CARGO) build --release --locked -p fanfare-server
	$(CARGO) run --release --locked -p fanfare-bench -- --soak $(MINUTES)

# Writes docs/postgresql-plans.md anew: how PostgreSQL goes about each query.
postgresql-plans: export WRITE_PLANS = yes
postgresql-plans: postgresql
	$(CARGO) test --locked -p fanfare-store-postgres --test it -- plans::

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

# Licences, banned crates and sources. Known vulnerabilities need the network: see `advisories`.
dependencies: $(DENY)
	$(CARGO) fetch --locked --quiet
	$(DENY) --locked --offline check --hide-inclusion-graph bans licenses sources

advisories: $(DENY)
	$(DENY) --locked check advisories

# Writes the committed OpenAPI document anew.
openapi:
	$(CARGO) run --quiet --locked -p fanfare-server -- openapi > openapi/native.json

tools: $(VENV)/installed $(VERIFY)/node_modules/.package-lock.json

$(DENY):
	$(CARGO) install --locked --root $(TOOLS) cargo-deny@$(DENY_VERSION)

$(VENV)/installed: $(VERIFY)/requirements.txt $(SCHEMATHESIS)/requirements.txt $(SVIX)/python/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check $(addprefix -r ,$^)
	touch $@

$(VERIFY)/node_modules/.package-lock.json: $(VERIFY)/package-lock.json
	cd $(VERIFY) && npm ci --no-audit --no-fund
	touch $@

$(SVIX)/js/node_modules/.package-lock.json: $(SVIX)/js/package-lock.json
	cd $(SVIX)/js && npm ci --no-audit --no-fund
	touch $@

target/svix-client/built: $(SVIX)/rust/Cargo.lock $(wildcard $(SVIX)/rust/src/*.rs)
	cd $(SVIX)/rust && CARGO_TARGET_DIR=../../../../../target/svix-client $(CARGO) build --locked
	touch $@

$(REDOCLY)/.package-lock.json: openapi/lint/package-lock.json
	cd openapi/lint && npm ci --no-audit --no-fund
	touch $@
