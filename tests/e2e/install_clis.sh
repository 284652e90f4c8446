#!/usr/bin/env bash
# Installs the agent CLIs that the tests drive, at the versions they were written for (some 770 MB).
#   install_clis.sh [FOLDER]   default: build/third_party/clis; quick when they are there
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${1:-$root/build/third_party/clis}
claude=2.1.330
codex=0.169.0
wanted="{\"private\":true,\"dependencies\":{\"@anthropic-ai/claude-code\":\"$claude\",\"@openai/codex\":\"$codex\"}}"
if [ -x "$folder/node_modules/.bin/claude" ] && [ -x "$folder/node_modules/.bin/codex" ] &&
  [ "$(cat "$folder/package.json" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi
mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9 # two test runs may share the folder
echo "installing claude $claude and codex $codex in $folder"
printf '%s\n' "$wanted" >"$folder/package.json"
# claude names a newer Node.js than it needs: npm only warns.
npm install --prefix "$folder" --omit-lockfile-registry-resolved --no-audit --no-fund >"$folder/install.log" 2>&1 || {
  tail -n 20 "$folder/install.log" >&2
  rm -f "$folder/package.json"
  echo "error: npm could not install the CLIs: see $folder/install.log" >&2
  exit 1
}
"$folder/node_modules/.bin/claude" --version
"$folder/node_modules/.bin/codex" --version
