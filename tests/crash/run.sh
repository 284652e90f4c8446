#!/usr/bin/env bash
# tests/crash/run.sh BUILD_DIR [--kills N] [--seed S] ...: see README.md beside this.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec python3 -u "$here/crash.py" "$@"
