#!/usr/bin/env bash
# Unpacks Debian's libnode-dev and libnode108 (V8 10.2) into a prefix, without installing them: they
# conflict with the nodejs package that other vendors ship.
#   fetch_node_v8.sh PREFIX
set -euo pipefail
prefix=$(realpath -m "${1:?usage: fetch_node_v8.sh PREFIX}")
library=usr/lib/x86_64-linux-gnu/libnode.so
if [ -e "$prefix/usr/include/node/v8.h" ] && [ -e "$prefix/$library" ]; then
  exit 0
fi
mkdir -p "$(dirname "$prefix")"
# Beside the prefix, so that the last step is a rename: a prefix is whole or not there.
work=$(mktemp -d "$prefix.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
# apt's download sandbox user cannot write here; that is only a warning.
apt-get download -q libnode-dev libnode108 >/dev/null 2>download.log || {
  cat download.log >&2
  echo "fetch_node_v8: error: cannot download libnode-dev and libnode108 with apt-get" >&2
  echo "  next: run 'apt-get update' as root, then this again" >&2
  exit 1
}
for deb in *.deb; do dpkg -x "$deb" unpacked; done
ln -sf libnode.so.108 "unpacked/$library"
chmod 755 unpacked
rm -rf "$prefix"
mv unpacked "$prefix"
