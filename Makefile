# The house's commands. `make` alone lists them.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
BIN      := bin/prism
PKGS     ?= ./...
FUZZTIME ?= 60s
BENCH    ?= .
COUNT    ?= 1
LDFLAGS  := -s -w
# The C++ runtime that DuckDB wants goes into the binary, so that it runs where only libc is.
# The linker takes the first libstdc++ it finds, and bin/lib holds nothing but the archive.
ifeq ($(shell uname -s),Linux)
LDFLAGS  += -extldflags "-static-libgcc -L$(CURDIR)/bin/lib"
endif

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/prism
	@mkdir -p bin/lib && ln -sf "$$($${CC:-gcc} -print-file-name=libstdc++.a)" bin/lib/libstdc++.a
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/prism

.PHONY: test
test: ## Run all tests
	$(GO) test $(PKGS)

.PHONY: race
race: ## Run all tests under the race detector, in random order
	$(GO) test -race -shuffle=on -timeout 30m $(PKGS)

.PHONY: lint
lint: ## Run golangci-lint (the first time it is built: two minutes)
	$(GO) -C tools/lint build -o $(CURDIR)/bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	bin/golangci-lint run $(PKGS)

.PHONY: fmt
fmt: ## Format the code as the linter wants it
	$(GO) -C tools/lint build -o $(CURDIR)/bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	bin/golangci-lint fmt $(PKGS)

.PHONY: fuzz
fuzz: ## Fuzz every target, FUZZTIME=60s each
	GO='$(GO)' scripts/fuzz $(FUZZTIME)

.PHONY: fuzz-bar
fuzz-bar: ## Fuzz what the reliability bar names, FUZZTIME=60s each, a target per processor
	GO='$(GO)' scripts/fuzz --bar $(FUZZTIME)

.PHONY: bench
bench: ## Run the benchmarks (BENCH=regexp, COUNT=n)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PKGS)

.PHONY: bench-ledger
bench-ledger: ## Time the questions of a day on ROWS=10000000 rows, and the fold
	PRISM_BENCH_ROWS=$(or $(ROWS),10000000) $(GO) test -count 1 -timeout 60m -v -run '^TestBenchLedger$$' ./internal/ledger/duckdb

.PHONY: e2e
e2e: build ## Drive the real Claude Code client through prism against the simulator
	PRISM_BIN='$(CURDIR)/$(BIN)' CLAUDE_BIN="$$(scripts/client)" $(GO) test -tags e2e -count 1 -timeout 30m -v ./test/e2e

# One Chromium at a time; CHROME_BIN names one that is not in PATH.
BROWSER = PRISM_BIN='$(CURDIR)/$(BIN)' AXE_JS="$$(scripts/axe)" $(GO) test -tags e2e -count 1 -timeout 40m -v ./test/browser

.PHONY: browser
browser: build ## Drive the dashboard in a real Chromium: pages, keys, languages, accessibility, hostile texts
	$(BROWSER)

.PHONY: browser-load
browser-load: build ## Measure what pages that are open cost the data plane (FOR=5m)
	PRISM_OPEN_FOR=$(or $(FOR),5m) $(BROWSER) -run '^TestOpenPages'

.PHONY: browser-large
browser-large: build ## Time the page of requests over ROWS=10000000 rows (LARGE=folder keeps the ledger: 2 GB)
	@dir='$(abspath $(LARGE))'; rows=$(or $(ROWS),10000000); \
	if [[ $$dir ]]; then mkdir -p "$$dir"; else dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; fi; \
	PRISM_BENCH_ROWS=$$rows PRISM_BENCH_DIR="$$dir" $(GO) test -count 1 -timeout 60m -v -run '^TestLargeLedger$$' ./internal/ledger/duckdb; \
	PRISM_LARGE_LEDGER="$$dir/ledger-$$rows.duckdb" $(BROWSER) -run '^TestThePageOfRequests'

.PHONY: screenshots
screenshots: build ## Take the pictures of docs/images anew
	PRISM_SCREENSHOTS='$(CURDIR)/docs/images' $(BROWSER) -run '^TestPictures$$'

# The types of OpenAI's library see what the tests before them have sent.
.PHONY: conformance
conformance: build ## Run the suites of the SDKs through prism (PRISM_SUITE=all: every test of theirs)
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; requests=$${PRISM_REQUESTS:-$$scratch}; \
	PRISM_REQUESTS="$$requests" PRISM_BIN='$(CURDIR)/$(BIN)' CONFORMANCE_TOOLS="$$(scripts/conformance-tools)" \
	  $(GO) test -tags e2e -count 1 -timeout 30m -v ./test/conformance; \
	PRISM_REQUESTS="$$requests" $(GO) -C test/conformance/openai test -count 1 -v -run . . | grep -vE '^(=== RUN|    --- PASS)'

# One package after the other: what is measured must not compete with another test.
.PHONY: soak
soak: build ## Run the long tests at full length: swaps, kills, streams, disconnects, schedules
	PRISM_SOAK=1 PRISM_BIN='$(CURDIR)/$(BIN)' CLAUDE_BIN="$$(scripts/client)" $(GO) test -tags e2e -count 1 -p 1 -timeout 90m -v \
	  $$(grep -rl --include='*_test.go' PRISM_SOAK . | xargs -rn1 dirname | sort -u)

.PHONY: golden
golden: ## Rewrite golden files and generated documents; read the diff
	@for p in $$(grep -rlE --include='*_test.go' '"update"' . | xargs -rn1 dirname | sort -u); do $(GO) test "$$p" -update; done

.PHONY: check
check: ## What CI runs
	.ci/run

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist coverage.out
