#!/usr/bin/env bash
# The script surface, an item of the specification a case, on the built programs.
#   run.sh BUILD_DIR [WORD...]   with words: only cases whose name has one of them
#   ODW_TEST_EFFORT=quick        for slow builds (sanitizers): delays are longer, fewer cases at once
set -uo pipefail
build=$(cd "${1:?usage: run.sh BUILD_DIR [WORD...]}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec python3 -B "$here/main.py" "$build" "${@:2}"
