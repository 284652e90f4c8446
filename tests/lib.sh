# tests/run.sh's parts: building a preset, running one suite, counting cases. Sourced from the repo's
# root with `logs` (a folder) set.

passed=0
failed=0
skipped=0
summary=()
run_started=$SECONDS

title() { printf '\n== %s [%d s]\n' "$*" $((SECONDS - run_started)); }

# The closing line holds also where nothing could be run.
fail_early() {
  printf '\ntests/run.sh: error: %s\n' "$1" >&2
  printf '%d passed, %d failed\n' "$passed" $((failed + 1))
  exit 1
}

check_suite_names() {
  local name
  for name in "$@"; do
    case "$name" in
      unit | asan | tsan) ;;
      *) [ -x "tests/$name/run.sh" ] || [[ " ${suites_in_order[*]} " == *" $name "* ]] || {
        printf 'tests/run.sh: error: no suite is called %s; there are: %s\n' "$name" \
          "${suites_in_order[*]}" >&2
        return 1
      } ;;
    esac
  done
}

# configure_and_build PRESET BUILD_DIR TARGET...
configure_and_build() {
  local preset=$1 dir=$2 log=$logs/build-$1.log jobs started=$SECONDS
  shift 2
  jobs=${ODW_TEST_JOBS:-$(deploy/compile_jobs.sh)}
  if [ -e "$dir/CMakeCache.txt" ] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$dir/CMakeCache.txt"; then
    rm -rf "$dir/CMakeCache.txt" "$dir/CMakeFiles" # made for a clone elsewhere
  fi
  echo "configuring preset $preset in $dir"
  cmake --preset "$preset" >"$log" 2>&1 || { tail -n 40 "$log" >&2; return 1; }
  echo "building $dir with $jobs jobs: $*"
  ninja_quietly "$log" 40 -C "$dir" -j "$jobs" "$@" || { grep -v '^\[[0-9]*/[0-9]*\]' "$log" | tail -n 60 >&2; return 1; }
  echo "built $preset in $((SECONDS - started)) s"
  # -Wall -Wextra clean is part of the bargain; generated and foreign code is compiled without them.
  if grep -q 'warning: ' "$log"; then
    grep -A3 'warning: ' "$log" | head -n 40 >&2
    record "$preset-warnings" 0 1 0 0
  else
    record "$preset-warnings" 1 0 0 0
  fi
}

# record NAME PASSED FAILED SKIPPED SECONDS
record() {
  passed=$((passed + $2))
  failed=$((failed + $3))
  skipped=$((skipped + $4))
  summary+=("$(printf '%-18s %6d passed %4d failed %4d skipped %6d s' "$1" "$2" "$3" "$4" "$5")")
  printf '%s: %d passed, %d failed, %d skipped, %d s\n' "$1" "$2" "$3" "$4" "$5"
}

# run_suite NAME PROGRAM BUILD_DIR: shows the suite's output as it comes; a suite that fails without
# counting a failed case counts as one.
run_suite() {
  local name=$1 log=$logs/$1.log started=$SECONDS status line
  local p=0 f=0 s=0
  title "$name"
  "$2" "$root/$3" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1)
  if [ -n "$line" ]; then
    read -r p f s <<<"$(tr -c '0-9\n' ' ' <<<"$line")"
  elif [ "$status" = 0 ]; then
    p=1
  fi
  [ "$status" = 0 ] || [ "$f" -gt 0 ] || f=1
  record "$name" "$p" "$f" "${s:-0}" $((SECONDS - started))
}

# run_ctest NAME BUILD_DIR [CTEST_ARGS...]: every test binary; cases are counted, not binaries.
run_ctest() {
  local name=$1 dir=$2 log=$logs/$1.log cases=$logs/$1-cases started=$SECONDS status counts
  shift 2
  title "$name"
  mkdir -p "$cases"
  GTEST_OUTPUT="xml:$cases/" ctest --test-dir "$dir" --output-on-failure --no-tests=error \
    -j "$(nproc)" "$@" >"$log" 2>&1
  status=$?
  if [ "$status" = 0 ]; then
    grep -E '^ *[0-9]+/[0-9]+ Test' "$log" || true
  else
    tail -n 300 "$log"
  fi
  counts=$(python3 tests/count_cases.py "$cases" "$log")
  read -r p f s <<<"${counts:-0 1 0}"
  [ "$status" = 0 ] || [ "$f" -gt 0 ] || f=1
  record "$name" "$p" "$f" "$s" $((SECONDS - started))
}

# ASan with UBSan over everything that is ours: unit tests, then the suites that drive the binaries.
run_asan() {
  title "asan: build"
  if ! configure_and_build asan build-asan all; then
    record asan-build 0 1 0 0
    return
  fi
  export ODW_TEST_EFFORT=quick
  export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}
  export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$root/tests/lsan.supp:print_suppressions=0}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
  run_ctest asan-unit build-asan
  local suite
  for suite in sim conformance crash; do
    [ -x "tests/$suite/run.sh" ] && run_suite "asan-$suite" "tests/$suite/run.sh" build-asan
  done
  unset ODW_TEST_EFFORT ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS
}

# TSan over what lies below rpc/: gRPC, V8 and RocksDB are not built for it and flood it.
run_tsan() {
  local tests=(base_test model_test core_test config_test journal_test metrics_test executors_unit_test)
  title "tsan: build"
  local have=() name
  cmake --preset tsan >"$logs/configure-tsan.log" 2>&1
  for name in "${tests[@]}"; do
    ninja -C build-tsan -t query "$name" >/dev/null 2>&1 && have+=("$name")
  done
  if ! configure_and_build tsan build-tsan "${have[@]}"; then
    record tsan-build 0 1 0 0
    return
  fi
  export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}
  run_ctest tsan build-tsan -R "^($(IFS='|'; echo "${have[*]}"))\$"
  unset TSAN_OPTIONS
}

print_summary() {
  title "summary"
  printf '%s\n' "${summary[@]}"
  if [ $((passed + failed)) = 0 ]; then
    echo "nothing was run" >&2
    failed=1
  fi
  echo
  if [ "$skipped" -gt 0 ]; then
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  else
    printf '%d passed, %d failed\n' "$passed" "$failed"
  fi
  [ "$failed" = 0 ]
}
