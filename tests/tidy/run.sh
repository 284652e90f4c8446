#!/usr/bin/env bash
# The repository's own text: layering from the includes, no sleeps in tests, READMEs, licences, units.
#   run.sh [BUILD_DIR]
set -euo pipefail
exec python3 -B "$(dirname "${BASH_SOURCE[0]}")/tidy.py" "$@"
