#!/usr/bin/env bash
# Fuzzes the loader, the script host's codec, schema validation and canonical JSON.
#   run.sh BUILD_DIR [--seconds N] [TARGET...]
#     --seconds N   for each target (ODW_FUZZ_SECONDS, or 60); by hand: an hour or a night
# Begins with corpus/TARGET, what seeds.py makes, and what earlier runs found (BUILD_DIR/fuzz/found). An input that breaks
# something is kept in BUILD_DIR/fuzz/broken: put it into corpus/TARGET under a name that says what it broke.
# The last line is `N passed, N failed`.
set -uo pipefail
build=$(cd "${1:?usage: run.sh BUILD_DIR [--seconds N] [TARGET...]}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shift
seconds=${ODW_FUZZ_SECONDS:-60}
targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=${2:?--seconds wants a number}; shift ;;
    *) targets+=("$1") ;;
  esac
  shift
done
[ ${#targets[@]} -gt 0 ] || targets=(canonical_json codec loader schema)

fuzz=$build/fuzz
log=$fuzz/build.log
mkdir -p "$fuzz/broken"
if ! { cmake -S "$here" -B "$fuzz" -G Ninja -DCMAKE_CXX_COMPILER=clang++ && ninja -C "$fuzz"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "tests/fuzz: error: the targets do not build with clang++ (deploy/install_dependencies.sh --tests installs it)" >&2
  echo "0 passed, 1 failed"
  exit 1
fi
python3 -B "$here/seeds.py" "$fuzz/seeds"

export ODW_SCRIPT=$build/bin/odw-script
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
passed=0
failed=0
for target in "${targets[@]}"; do
  options=(-max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -max_len=4096 -use_counters=0
    -print_final_stats=1 -artifact_prefix="$fuzz/broken/$target-")
  [ -e "$here/$target.dict" ] && options+=(-dict="$here/$target.dict")
  folders=("$fuzz/found/$target" "$fuzz/seeds/$target" "$here/corpus/$target")
  mkdir -p "${folders[@]}"
  if "$fuzz/bin/fuzz_$target" "${options[@]}" "${folders[@]}" >"$fuzz/$target.log" 2>&1; then
    passed=$((passed + 1))
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$fuzz/$target.log") inputs in $seconds s"
  else
    failed=$((failed + 1))
    echo "$target FAILED; the input is in $fuzz/broken, the whole log $fuzz/$target.log"
    grep -a -A 6 -E 'BROKEN|ERROR|SUMMARY' "$fuzz/$target.log" | cut -c1-400 | head -n 40
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
