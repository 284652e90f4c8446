#!/usr/bin/env bash
# Prints how many compile jobs this machine carries: one a core, and 1.5 GB of memory for each (a file
# that includes gRPC takes 1 GB).
set -euo pipefail
cores=$(nproc)
memory_mb=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
jobs=$((memory_mb / 1500))
[ "$jobs" -lt "$cores" ] || jobs=$cores
[ "$jobs" -ge 1 ] || jobs=1
echo "$jobs"
