#!/bin/sh
# Makes uv available on a Debian machine that may have nothing but Python, and prints the path of its program.
# Everything lies in the cache folder; a second run only prints.
set -eu

locked="$(dirname "$0")/uv.txt"
version="$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' "$locked")"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/coursegen"
uv="$cache/uv-$version/uv"
log="$cache/logs/bootstrap.log"

fail() {
    printf '%s\n' "$1" "Log: $log" >&2
    tail -n 8 "$log" 2>/dev/null | sed 's/^/  | /' >&2
    exit 1
}

install_package() {
    command -v apt-get >/dev/null || fail "$1 is missing, and there is no apt-get to install it with."
    [ "$(id -u)" = 0 ] || fail "$1 is missing: install it, or run this as root."
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    apt-get install --yes --no-install-recommends "$1" >>"$log" 2>&1 && return
    apt-get update >>"$log" 2>&1 || fail "apt-get update failed."
    apt-get install --yes --no-install-recommends "$1" >>"$log" 2>&1 || fail "Installing $1 failed."
}

if [ -x "$uv" ]; then
    echo "$uv"
    exit
fi
if command -v uv >/dev/null; then
    command -v uv
    exit
fi

mkdir -p "$cache/logs"
command -v python3 >/dev/null || install_package python3
python3 -c 'import ensurepip' 2>/dev/null || install_package python3-venv
work="$(mktemp -d "$cache/.uv-XXXXXX")"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv" >>"$log" 2>&1 || fail "Python's venv module failed."
"$work/venv/bin/pip" install --require-hashes --requirement "$locked" >>"$log" 2>&1 || fail "Installing uv failed: is a package registry reachable?"
mkdir -p "$cache/uv-$version"
mv "$work/venv/bin/uv" "$uv"
echo "$uv"
