#!/usr/bin/env bash
# Black-box tests of the built programs.
#   run.sh BUILD_DIR [WORDS]
set -uo pipefail
build=$(cd "${1:?usage: run.sh BUILD_DIR [WORDS]}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec python3 -B "$here/main.py" "$build" "${@:2}"
