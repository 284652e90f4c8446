#!/usr/bin/env bash
# Every test: installs what they need, builds, runs them all. The last line is `N passed, N failed`
# (`, N skipped` where some were); the exit status is not 0 when anything failed.
#   run.sh [SUITE...]     unit, a folder of tests/ with a run.sh, or asan, tsan; default: all of them
# Knobs, by environment:
#   ODW_TEST_SUITES="unit e2e"   the same as arguments
#   ODW_SANITIZERS=0             leaves asan and tsan out
#   ODW_TEST_INSTALL=0           installs nothing
#   ODW_TEST_JOBS=N              compile jobs (default: one a core, less where memory is short)
# A suite is tests/NAME/run.sh BUILD_DIR: it prints progress and, last, its own `N passed, N failed`.
# Under a sanitizer it gets ODW_TEST_EFFORT=quick, which asks for fewer seeds.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
. deploy/lib.sh
. tests/lib.sh

suites_in_order=(tidy types unit schema sim conformance replay replay_corpus golden e2e crash fuzz browser asan tsan)
selected=("$@")
[ ${#selected[@]} -gt 0 ] || read -r -a selected <<<"${ODW_TEST_SUITES:-}"
[ ${#selected[@]} -gt 0 ] || selected=("${suites_in_order[@]}")
check_suite_names "${selected[@]}" || exit 2

logs=$root/build-test/logs
rm -rf "$logs"
mkdir -p "$logs"

wants() { [[ " ${selected[*]} " == *" $1 "* ]]; }

title "preparing"
if [ "${ODW_TEST_INSTALL:-1}" != 0 ]; then
  deploy/install_dependencies.sh --tests || fail_early "the packages that the tests need are not all here"
  tests/e2e/install_clis.sh || fail_early "the agent CLIs that the tests drive could not be installed"
  export ODW_REQUIRE_CLIS=1
fi
third_party/fetch_node_v8.sh build/third_party/node_v8 || fail_early "the private V8 could not be fetched"
configure_and_build test build-test all || fail_early "the build failed"

for suite in "${suites_in_order[@]}"; do
  wants "$suite" || continue
  case "$suite" in
    unit) run_ctest unit build-test ;;
    asan | tsan)
      if [ "${ODW_SANITIZERS:-1}" = 0 ]; then
        title "$suite: left out by ODW_SANITIZERS=0"
        continue
      fi
      "run_$suite"
      ;;
    *)
      if [ -x "tests/$suite/run.sh" ]; then
        run_suite "$suite" "tests/$suite/run.sh" build-test
      fi
      ;;
  esac
done
print_summary
