# gate is built and proven with these. Every tool is pinned in go.mod.

GO        ?= go
PARALLEL  ?= 2
VERSION   ?= dev
TESTFLAGS ?=

.PHONY: all build demo test lint fmt bench proof fuzz clean

all: lint test build

build: ## bin/gate
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/gate ./cmd/gate

demo: build ## an identical pair passes, a planted slow-down is blocked; under five minutes
	bin/gate demo

test: ## all tests under the race detector; under ten minutes on two cores
	$(GO) test -race -p $(PARALLEL) -timeout 15m $(TESTFLAGS) ./...

lint: ## vet on both systems, staticcheck, gofumpt, deadcode
	$(GO) vet ./...
	$(GO) vet -tags proof ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	$(GO) tool staticcheck -tags proof ./...
	@echo '$(GO) tool gofumpt -l .'; unformatted="$$($(GO) tool gofumpt -l .)" && \
	  if [ -n "$$unformatted" ]; then echo "$$unformatted"; echo 'not formatted: run make fmt'; exit 1; fi
	@echo '$(GO) tool deadcode ./cmd/...'; dead="$$($(GO) tool deadcode -test -tags proof ./cmd/...)" && \
	  if [ -n "$$dead" ]; then echo "$$dead"; echo 'nothing reaches these functions: remove them, or move them to a _test.go file'; exit 1; fi

fmt: ## format all Go files
	$(GO) tool gofumpt -w .

bench: ## benchmarks, the load engine's yardstick among them
	$(GO) test -run '^$$' -bench . -benchmem -p 1 -timeout 60m ./...
	$(GO) run ./workloads/load/yardstick -out docs/evidence/load-engine.md

proof: ## simulations and real checks that docs/evidence/ reports; hours
	$(GO) test -tags proof -count 1 -p 1 -v -run 'Proof|StoreChecks|Simulations' -timeout 8h ./...

FUZZTIME ?= 30s

fuzz: ## every fuzz target for FUZZTIME each
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

clean: ## what the other targets made
	rm -rf bin gate-demo gate-out
