#!/usr/bin/env bash
# The simulator, on what was built in BUILD_DIR: the product's core, then a core with planted bugs.
# Ends with one line `N passed, N failed` over both. ODW_TEST_EFFORT=quick runs fewer histories.
set -uo pipefail
build=${1:?usage: run.sh BUILD_DIR}
flags=()
[ "${ODW_TEST_EFFORT:-}" = quick ] && flags=(--seeds 1500)

passed=0
failed=0
run() {
  local last
  "$@" | tee "$log"
  last=$(tail -n 1 "$log")
  if [[ "$last" =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
  else
    echo "$1 ended without a count; its last line: $last"
    failed=$((failed + 1))
  fi
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "== histories of the core"
run "$build/tests/sim_test" "${flags[@]}"
echo "== planted bugs"
run "$build/tests/sim_planted"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
