#!/usr/bin/env bash
# Makes corpus/VERSION.tar.xz: journals of finished and open runs of the version in BUILD_DIR. Once a release; what earlier
# releases left stays as it is.
#   make.sh BUILD_DIR
set -euo pipefail
build=$(cd "${1:?usage: make.sh BUILD_DIR}" && pwd)
exec python3 -B "$(dirname "${BASH_SOURCE[0]}")/make.py" "$build"
