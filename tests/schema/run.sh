#!/usr/bin/env bash
# The JSON Schema suites against the validator as executors use it.
#   run.sh BUILD_DIR [WORD...]   with words: only tests whose name has one of them
set -uo pipefail
build=$(cd "${1:?usage: run.sh BUILD_DIR [WORD...]}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec python3 -B "$here/main.py" "$build" "${@:2}"
