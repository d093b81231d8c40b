#!/usr/bin/env bash
# Installs the Debian packages that the tests use, when it may. Without them the
# tests that need them are skipped and say so.
set -eu
packages="busybox-static gcc libc6-dev musl-tools debootstrap tmux strace pulseaudio pulseaudio-utils"
missing=
for p in $packages; do
	dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing:$missing"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
	echo "not installed, so some tests will be skipped:$missing" >&2
	echo "to run them all: sudo apt-get install$missing" >&2
fi
