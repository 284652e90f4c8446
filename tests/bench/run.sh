#!/usr/bin/env bash
# The speed table over the shipped binaries, with the floors of the same run beside it.
#   run.sh [--build-dir DIR] [--quick] [--rows a,b] [--out FILE]
# Builds Release without kill points into build-bench (or DIR). Run it on a quiet machine.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build-bench
pass=()
while [ $# -gt 0 ]; do
  case "$1" in
    --build-dir) build=$2; shift 2 ;;
    *) pass+=("$1"); shift ;;
  esac
done
"$root/deploy/install_dependencies.sh" --tests
"$root/third_party/fetch_node_v8.sh" "$root/build/third_party/node_v8"
mkdir -p "$build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DODW_BUILD_TESTS=ON \
  -DODW_KILL_POINTS=OFF >"$build/configure.log" 2>&1 || { tail -n 30 "$build/configure.log" >&2; exit 1; }
ninja -C "$build" -j "$("$root/deploy/compile_jobs.sh")" odwd odwctl odw-script odw-executor \
  floor_engine floor_rpc floor_process bench_load >"$build/build.log" 2>&1 ||
  { grep -v '^\[[0-9]*/[0-9]*\]' "$build/build.log" | tail -n 40 >&2; exit 1; }
exec python3 -B "$root/tests/bench/bench.py" "$build" ${pass[@]+"${pass[@]}"}
