# `make` alone prints what there is to make.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run stop logs status clean-data test faults fuzz-api bench-crm bench-webhooks check fmt bless migrate schema stack-up stack-down

help: ## Print this page
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## Start everything on http://127.0.0.1:8080 with a demo workspace; Ctrl-C stops it
	@deploy/dev/run

stop: ## Stop a `make run` of another shell, or what is left of one
	@deploy/dev/stack down run

status: ## Show which parts of `make run` are up
	@deploy/dev/stack status run

logs: ## Follow all logs of `make run`, or one: make logs s=crm-api
	@deploy/dev/stack logs run $(s)

clean-data: ## Stop `make run` and remove its data
	@deploy/dev/stack wipe run

test: ## Format check, clippy and all tests, on a database and a broker of their own
	@deploy/dev/test

faults: ## Kill, freeze and wipe what webhooks depend on, for a minute each and under load
	@deploy/dev/test faults

fuzz-api: ## Ask the API whatever its OpenAPI document allows; more of it: FUZZ_CASES=500 make fuzz-api
	@deploy/dev/test fuzz

bench-crm: ## Measure crm-api beside pgbench: takes some minutes, on a database of its own
	@deploy/dev/bench crm

bench-webhooks: ## Measure webhook-dispatcher, on a database and a broker of its own
	@deploy/dev/bench webhooks

check: ## What needs no servers: format check, clippy, licences and advisories
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check; \
	else echo 'skipped: cargo deny check (cargo install cargo-deny --locked)'; fi

fmt: ## Format all Rust code
	cargo fmt --all

bless: ## Write what is generated and committed: docs/errors.md, docs/events.md, docs/openapi.json, the messages of the bus
	BLESS=1 cargo test --locked -p pulse-domain -p pulse-jsonapi -p crm-api --lib --tests -- documentation generated committed_document

migrate: ## Bring the database of `make run` up to date
	@deploy/dev/database migrate run

schema: ## Write crates/store/src/schema.rs from the migrations
	@deploy/dev/database schema

stack-up: ## Keep the database and the broker of `make test` up between runs
	@deploy/dev/stack up test

stack-down: ## Stop them
	@deploy/dev/stack down test
