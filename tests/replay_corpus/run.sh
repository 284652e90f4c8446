#!/usr/bin/env bash
# Journals of this and earlier versions, opened by the odwd in BUILD_DIR.
#   run.sh BUILD_DIR
set -uo pipefail
build=$(cd "${1:?usage: run.sh BUILD_DIR}" && pwd)
exec python3 -B "$(dirname "${BASH_SOURCE[0]}")/main.py" "$build"
