# `make run` and `make test` need a Rust toolchain, a C compiler and make; everything else
# they set up themselves. Some tests need what `make peers` installs, or are left out.

CARGO ?= cargo
CAPTURE ?= testdata/chat.pcap

.PHONY: help setup peers run test check baselines bench compare live instructions loss mutate attack fuzz deny lint doc testdata pictures

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install libpcap's development package, if it is missing
	@./.ci/setup

peers: ## Install what tests of live capture talk with (needs npm and python3 with pip)
	@./.ci/peers

run: setup ## Build, and print the timeline of CAPTURE (testdata/chat.pcap)
	@$(CARGO) build --release
	@$(CARGO) run --release --quiet -- $(CAPTURE)

# cargo-nextest runs tests of several programs side by side, in half the time; all that is
# tested is tested without it as well.
test: setup ## Run all tests
	@if $(CARGO) nextest --version > /dev/null 2>&1; then \
		$(CARGO) nextest run --no-fail-fast && $(CARGO) test --doc; \
	else \
		$(CARGO) test; \
	fi

# Recorded of real endpoints; testdata/wsdump.toml says what is asked of them.
CHECKED = $(patsubst testdata/baselines/%.json,testdata/%.pcap,$(wildcard testdata/baselines/*.json))

# The program that checks, where one is built already.
WSDUMP ?=

check: setup ## Check the recorded captures with wsdump itself
	@[ -n "$(WSDUMP)" ] || $(CARGO) build --quiet
	@$(or $(WSDUMP),$(CARGO) run --quiet --) check $(CHECKED)

baselines: setup ## Record the baselines of these captures anew
	@$(CARGO) build --quiet
	@$(CARGO) run --quiet -- check --update $(CHECKED)

bench: setup ## Measure what each layer takes for a packet
	@./.ci/bench layers

# --accept stores the numbers that others are compared with.
ACCEPT ?=

instructions: setup ## Count the instructions that each layer takes, and compare them
	@./.ci/instructions $(ACCEPT)

# MiB of each capture that is made, and how often each program runs.
COMPARE_SIZE ?= 340
COMPARE_RUNS ?= 5

compare: setup ## Measure wsdump beside tshark, tcpdump and tcpflow, which it installs
	@./.ci/compare --size $(COMPARE_SIZE) --runs $(COMPARE_RUNS)

live: setup ## Measure how many packets a second are taken from an interface; takes root
	@./.ci/live

loss: setup ## Print how much of recorded captures is told when packets are missing
	@./.ci/bench loss

mutate: setup ## Damage each capture in a thousand ways and look what is told of it
	WSDUMP_MUTATIONS=1000 $(CARGO) test --release --test mutation

lint: setup ## Check formatting, and clippy with and without live capture
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --lib --bins --test cli --no-default-features -- -D warnings
	$(CARGO) fmt --manifest-path benches/Cargo.toml --check
	$(CARGO) clippy --manifest-path benches/Cargo.toml \
		--target-dir "$${CARGO_TARGET_DIR:-target}" --all-targets -- -D warnings

doc: setup ## Build the library's documentation; a warning is an error
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps

# For each target. All targets, where none is named.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=

fuzz: ## Fuzz FUZZ_TARGETS (all) for FUZZ_SECONDS (60) each; needs a C++ compiler
	@./.ci/fuzz -s -t $(FUZZ_SECONDS) $(FUZZ_TARGETS)

testdata: ## Write the made captures in testdata/ anew
	python3 testdata/make.py

attack: setup ## Measure what attacks cost in memory and time; builds for a while first
	@./.ci/bench attack

deny: ## Check licences, sources, bans and advisories of all crates that wsdump is built of
	@./.ci/deny

pictures: setup ## Draw the pictures of the README anew
	@$(CARGO) build
	python3 docs/pictures/make.py "$${CARGO_TARGET_DIR:-target}/debug/wsdump"
