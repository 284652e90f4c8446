#!/usr/bin/env bash
# Replay is exact: every conformance script, its host killed at its settlements, ends as the undisturbed run.
#   run.sh BUILD_DIR [--kills N] [--seed S] [WORD...]
#     --kills N    a script with more settlements than N (50) has its host killed at N of them, chosen by the seed
#   ODW_REPLAY_KILLS=N, ODW_REPLAY_SEED=S   the same by environment; ODW_TEST_EFFORT=quick for slow builds
# The build needs -DODW_KILL_POINTS=ON.
set -uo pipefail
build=$(cd "${1:?usage: run.sh BUILD_DIR [--kills N] [--seed S] [WORD...]}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec python3 -B "$here/main.py" "$build" "${@:2}"
