# make         builds both programs into bin/
# make test    installs what the tests need (Debian packages, when it may) and runs every test
# make test-vscode   tests the editors' side in a real VS Code and a real Emacs: installs them, when it may
# make lint    runs the linters that CI runs

GO    ?= go
TOOL   = $(GO) tool -modfile=tools.mod

.PHONY: all test test-vscode lint bench setup generate

all:
	$(GO) build -o bin/ ./cmd/...

setup:
	@test/setup.sh

test: setup
	$(GO) vet ./...
	$(GO) test -timeout 14m ./...
	cd userland && $(GO) test -timeout 10m ./...

test-vscode:
	@vscode-ext/scripts/test-vscode.sh

race:
	$(GO) test -race -timeout 20m ./kernel/... ./machine/... ./hostdev/... ./dap/... ./debugserver/console/...

bench:
	$(GO) test -run '^$$' -bench . ./test/bench

generate:
	$(GO) generate ./...

lint:
	$(GO) vet ./...
	cd userland && $(GO) vet ./...
	$(TOOL) staticcheck ./...
	@out=$$($(TOOL) gofumpt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofumpt would change:"; echo "$$out"; exit 1; }
