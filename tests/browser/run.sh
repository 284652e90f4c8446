#!/bin/bash
# run.sh [REPORTS]: opens reports in headless Chromium and checks what a person would see and that
# nothing leaves the page. REPORTS is a build folder (default: build), the program report_samples, or a
# folder with the files that it writes. Screenshots go to $ODW_SCREENSHOTS where that is set. The last
# line is `N passed, N failed`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
reports=${1:-$root/build}
[ -x "$reports/tests/report_samples" ] && reports=$reports/tests/report_samples

fail() {
  echo "tests/browser: $1" >&2
  echo "  next: $2" >&2
  echo "0 passed, 1 failed"
  exit 1
}

chromium=${CHROMIUM:-/usr/bin/chromium}
[ -x "$chromium" ] || fail "there is no browser at $chromium" "apt-get install chromium, or set CHROMIUM"
command -v npm >/dev/null || fail "npm is not installed" "install Node.js 20 or later with npm"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -d "$reports" ]; then
  folder=$reports
elif [ -x "$reports" ]; then
  folder=$work/reports
  mkdir "$folder"
  "$reports" "$folder"
else
  fail "$reports is neither a folder nor a program" "build it: ninja -C build report_samples"
fi

# The driver is kept between runs; its lock file decides whether it is still the right one.
driver=${ODW_BROWSER_DRIVER:-$root/build/browser-driver}
if ! cmp -s "$here/package-lock.json" "$driver/package-lock.json" || [ ! -d "$driver/node_modules" ]; then
  mkdir -p "$driver"
  cp "$here/package.json" "$driver/"
  cp "$here/package-lock.json" "$work/package-lock.json"
  (cd "$driver" && cp "$work/package-lock.json" . && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) \
    || { rm -rf "$driver"; fail "the browser driver could not be installed" "look at npm's message above"; }
fi

log=$work/log
status=0
ODW_PLAYWRIGHT=$driver/node_modules/playwright-core/index.js CHROMIUM=$chromium \
  ODW_REPORTS=$folder TMPDIR=$work \
  node --test --test-reporter=spec "$here/report_test.mjs" >"$log" 2>&1 || status=$?
cat "$log"
counted() { sed -n "s/^[^a-z]*$1 \([0-9]*\)\$/\1/p" "$log" | tail -n 1; }
echo "$(counted pass) passed, $(counted fail) failed"
exit "$status"
