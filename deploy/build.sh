#!/usr/bin/env bash
# Builds the four programs in Release, without tests. Configures only when it has to.
#   build.sh [--build-dir DIR] [--jobs N]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build=$odw_root/build
jobs=
while [ $# -gt 0 ]; do
  case "$1" in
    --build-dir) build=$2; shift 2 ;;
    --jobs) jobs=$2; shift 2 ;;
    *) die "unknown argument '$1'" "this script takes --build-dir and --jobs" "leave it out" ;;
  esac
done
[ -n "$jobs" ] || jobs=$("$odw_root/deploy/compile_jobs.sh")

mkdir -p "$build"
v8=$odw_root/build/third_party/node_v8
"$odw_root/third_party/fetch_node_v8.sh" "$v8"

# A build folder of another place (a moved or copied clone) cannot be used again.
cache=$build/CMakeCache.txt
if [ -e "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$odw_root" "$cache"; then
  say "the build folder was made for another source folder: configuring it anew"
  rm -rf "$cache" "$build/CMakeFiles"
fi
if [ ! -e "$build/build.ninja" ] || [ ! -e "$cache" ]; then
  say "configuring"
  cmake -S "$odw_root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DODW_BUILD_TESTS=OFF \
    >"$build/configure.log" 2>&1 || {
    tail -n 30 "$build/configure.log" >&2
    rm -f "$cache"
    die "cmake could not configure the build" "its last lines stand above, all of them in $build/configure.log" \
      "mend what they name, then run this again"
  }
fi

say "compiling with $jobs jobs (a first build takes some minutes)"
targets=(odwd odwctl odw-script odw-executor)
status=0
if [ -t 1 ]; then
  ninja -C "$build" -j "$jobs" "${targets[@]}" || status=$?
else
  : >"$build/build.log"
  ninja_quietly "$build/build.log" 20 -C "$build" -j "$jobs" "${targets[@]}" || status=$?
fi
if [ "$status" != 0 ]; then
  [ -t 1 ] || { grep -v '^\[[0-9]*/[0-9]*\]' "$build/build.log" | tail -n 40 >&2; }
  die "the build failed" "the compiler's words stand above${build:+ (all of them in $build/build.log when there is no terminal)}" \
    "if a compiler was killed, memory ran out: try --jobs 1; else mend what they name and run this again"
fi
