#!/usr/bin/env bash
# The token and money headline: the same fan-out all on the claude CLI and mixed with bamboo; see cost/cost.py.
#   cost.sh [BUILD_DIR]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${1:-$root/build}
tokenizer=$root/build/third_party/cost_bench
mkdir -p "$tokenizer"
cp "$root"/tests/bench/cost/package*.json "$tokenizer/"
[ -d "$tokenizer/node_modules/gpt-tokenizer" ] || (cd "$tokenizer" && npm ci --omit=dev --no-audit --no-fund --silent)
exec python3 "$root/tests/bench/cost/cost.py" "$build" "$tokenizer"
