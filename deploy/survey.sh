#!/usr/bin/env bash
# Runs examples/survey.js over a git repository with the built programs and prints its table.
#   survey.sh [--bin DIR] [--repo DIR] [--files N] [--provider NAME] [--model M] [--report FILE] [--json]
# --provider and --model: summaries by an OpenAI-compatible provider (see examples/README.md) instead of
# the mock. --json prints the result as it is instead of the table.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}

bin=$odw_root/build/bin
repo=$odw_root
files=40
provider=
model=
report=
json=no
while [ $# -gt 0 ]; do
  case "$1" in
    --json) json=yes; shift; continue ;;
    --bin | --repo | --files | --provider | --model | --report) ;;
    *) die "unknown argument '$1'" "it is none of this script's options" "see the head of $0" ;;
  esac
  [ $# -ge 2 ] || die "$1 needs a value" "it stands last on the command line" "see the head of $0"
  case "$1" in
    --bin) bin=$2 ;;
    --repo) repo=$2 ;;
    --files) files=$2 ;;
    --provider) provider=$2 ;;
    --model) model=$2 ;;
    --report) report=$2 ;;
  esac
  shift 2
done
[[ $files =~ ^[1-9][0-9]{0,3}$ ]] || die "--files is '$files'" "it counts files" "give a number from 1 to 9999"
[ -x "$bin/odwctl" ] || die "there is no $bin/odwctl" "odwd has not been built there" "run deploy/build.sh"
bin=$(cd "$bin" && pwd)
repo=$(cd "$repo" && pwd)
report=${report:-$(dirname "$bin")/survey.html}

runtime=mock
if [ -n "$provider$model" ]; then
  runtime=bamboo
  [ -n "${ODW_BAMBOO_BASE_URL:-}" ] ||
    die "--provider and --model need ODW_BAMBOO_BASE_URL" "nothing says where the provider's API answers" \
      "export ODW_BAMBOO_BASE_URL and ODW_BAMBOO_API_KEY, then run this again"
fi

# JSON strings: a provider's or model's name holds neither quotes nor backslashes.
for name in "$provider" "$model"; do
  [[ $name =~ ^[A-Za-z0-9._:/@+-]*$ ]] || die "'$name' is no name" "it holds characters that names do not" "check it"
done
args="{\"files\": $files, \"runtime\": \"$runtime\""
[ -z "$provider" ] || args+=", \"provider\": \"$provider\""
[ -z "$model" ] || args+=", \"model\": \"$model\""
args+="}"

result=$(mktemp)
trap 'rm -f "$result"' EXIT
status=0
"$bin/odwctl" exec "$odw_root/examples/survey.js" --json --runtime "$runtime" --cwd "$repo" \
  --executor-config "$odw_root/examples/survey.commands.toml" --args "$args" --report "$report" \
  >"$result" || status=$?
if [ "$status" != 0 ]; then
  cat "$result" >&2
  die "the survey ended with status $status" "odwctl says more above" "mend that and run this again; '$bin/odwctl doctor' looks at the set-up"
fi
if [ "$json" = yes ]; then
  cat "$result"
else
  node "$odw_root/deploy/survey_table.mjs" <"$result"
  printf '\nreport: %s\n' "$report"
fi
