# Everything that a developer runs. Needs Rust, a C compiler, make and Python 3.11 with venv.
.DEFAULT_GOAL := help
SHELL := /bin/sh

venv := .venv
stamp := $(venv)/.requirements

# GitHub's own parser of workflows, in one file that Node runs.
parser := tests/lint/build/parse.cjs

.PHONY: help demo bench test check gen venv parser static rehearse

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(stamp) ## Pull request, plan comment, merge, apply: the whole loop against a local AWS, no account needed
	cargo build --locked --workspace --all-targets # what the tests build too, so nothing is compiled twice
	$(venv)/bin/python demo/demo.py

bench: $(stamp) ## How soon the end of a rollout is told, and what waiting for it and planning cost in calls and rounds
	cargo build --locked --workspace --all-targets
	$(venv)/bin/python demo/bench.py

test: $(stamp) ## All tests: parallel, offline after the dependencies are there
	cargo build --locked --workspace --all-targets # with the sandbox's own program, which a test starts
	cargo test --locked --workspace

check: $(stamp) ## What CI runs: format, lints of code, workflows and scripts, generated files, tests
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(MAKE) parser
	$(MAKE) test # the generated files are checked by its tests `generated::…`

gen: ## Write the generated files anew: JSON Schema and docs/reference
	UPDATE_GENERATED=1 cargo test --locked --test it generated::

# The release builds with musl; the target that is installed everywhere gives a static program too.
static_target := x86_64-unknown-linux-gnu

static: ## The static binary for Linux x86-64: builds it, and shows that it is one
	RUSTFLAGS="-C target-feature=+crt-static" FARGATE_STACK_COMMIT="$$(git rev-parse HEAD 2>/dev/null)" \
	  cargo build --release --locked --bin fargate-stack --target $(static_target)
	scripts/static-check.sh "$${CARGO_TARGET_DIR:-target}/$(static_target)/release/fargate-stack"

rehearse: static ## A release without GitHub: draft, publish and run the static binary, into and from a folder
	scripts/rehearse.sh "$${CARGO_TARGET_DIR:-target}/$(static_target)/release/fargate-stack"

venv: $(stamp) ## The Python environment with moto, act and the linters, pinned and checked by hash

$(stamp): sandbox/requirements.txt tests/lint/requirements.txt
	python3 -m venv $(venv)
	$(venv)/bin/pip install --quiet --disable-pip-version-check --require-hashes $(addprefix -r ,$^)
	touch $@

parser: ## GitHub's parser of workflows for `make check`; left out, and told, where Node 20 or npm are missing
	@if [ $(parser) -nt tests/lint/parse.mjs ] && [ $(parser) -nt tests/lint/package-lock.json ]; then :; \
	elif command -v npm >/dev/null && node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null; then \
	  cd tests/lint && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && npm run --silent build || \
	  { rm -f build/parse.cjs; [ "$$FARGATE_STACK_LINT" != all ] && echo "left out: the parser of workflows could not be installed"; }; \
	else [ "$$FARGATE_STACK_LINT" != all ] && echo "left out: the parser of workflows needs Node 20 and npm"; fi
