#!/usr/bin/env bash
# From a clean clone to a finished workflow: installs what is missing, builds odwd, runs
# examples/survey.js over a git repository, prints the table and the report's path.
#   quickstart.sh [--repo DIR] [--files N] [--provider NAME] [--model M] [--jobs N] [--build-dir DIR]
#     --repo DIR       the git repository to survey (default: the one this script stands in)
#     --files N        survey the N largest files (default 40, at most 190)
#     --provider NAME  summaries by a real OpenAI-compatible provider instead of the mock; its address
#     --model M        and key come from ODW_BAMBOO_BASE_URL and ODW_BAMBOO_API_KEY
#     --jobs N         parallel compile jobs (default: one a core, less where memory is short)
#     --build-dir DIR  where to build (default: build)
# Safe to run twice: the second run installs nothing, compiles nothing and takes seconds.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# Needed where there is no login shell.
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}

repo=$odw_root
files=40
provider=
model=
jobs=
build=$odw_root/build
need_value() { [ $# -ge 2 ] || die "$1 needs a value" "it stands last on the command line" "see $0 --help"; }
while [ $# -gt 0 ]; do
  case "$1" in
    --repo) need_value "$@"; repo=$2; shift 2 ;;
    --files) need_value "$@"; files=$2; shift 2 ;;
    --provider) need_value "$@"; provider=$2; shift 2 ;;
    --model) need_value "$@"; model=$2; shift 2 ;;
    --jobs) need_value "$@"; jobs=$2; shift 2 ;;
    --build-dir) need_value "$@"; build=$2; shift 2 ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown argument '$1'" "it is none of this script's options" "see $0 --help" ;;
  esac
done
for number in "$files" "${jobs:-1}"; do
  [[ $number =~ ^[1-9][0-9]{0,3}$ ]] ||
    die "'$number' is not a number from 1 to 9999" "--files and --jobs count things" "see $0 --help"
done

started=$SECONDS
step() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - started)); }

step "1/4 packages"
"$odw_root/deploy/install_dependencies.sh"
[ -d "$repo" ] || die "there is no folder $repo" "--repo names the repository to survey" "name another"
repo=$(cd "$repo" && pwd)
git -C "$repo" rev-parse --verify -q HEAD >/dev/null 2>&1 ||
  die "$repo is not a git repository with a commit that this user may read" \
    "$(git -C "$repo" rev-parse --verify HEAD 2>&1 | head -n 1)" "name one by --repo DIR"

step "2/4 build into $build"
"$odw_root/deploy/build.sh" --build-dir "$build" ${jobs:+--jobs "$jobs"}

step "3/4 survey of $repo"
survey=("$odw_root/deploy/survey.sh" --bin "$build/bin" --repo "$repo" --files "$files")
[ -n "$provider" ] && survey+=(--provider "$provider")
[ -n "$model" ] && survey+=(--model "$model")
"${survey[@]}"

step "4/4 done"
cat <<TXT
Next: read examples/README.md, write a workflow, and run it:
  $build/bin/odwctl exec FILE.js
TXT
