#!/usr/bin/env bash
# Installs the Debian 12 packages that building odwd needs, and only those that are missing.
#   install_dependencies.sh [--tests] [--dry-run]
#     --tests    also what the tests need
#     --dry-run  says what is missing, installs nothing
# Works as root and as a user with sudo. Quick when nothing is missing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build_packages=(
  g++ cmake ninja-build pkg-config ccache lld git ca-certificates
  # libraries, by what they are for: RPC and records
  protobuf-compiler libprotobuf-dev protobuf-compiler-grpc libgrpc++-dev libgrpc-dev libabsl-dev
  # the journal
  librocksdb-dev libzstd-dev zlib1g-dev
  # executors: HTTP, worktrees
  libcurl4-openssl-dev libgit2-dev libssl-dev
  # the daemon: metrics, notify, sandbox, configuration, log
  prometheus-cpp-dev libsystemd-dev libseccomp-dev
  nlohmann-json3-dev libcli11-dev libspdlog-dev libtomlplusplus-dev libyaml-cpp-dev
  # what the private V8 (third_party/fetch_node_v8.sh) links to
  libuv1 libc-ares2 libnghttp2-14 libicu72 libbrotli1 libssl3
)
test_packages=(
  libgtest-dev libgmock-dev python3 jq curl strace procps systemd bubblewrap clang clang-tidy clang-format
  libclang-rt-14-dev chromium json-schema-test-suite libtest-json-schema-acceptance-perl
)

tests=no
dry_run=no
for arg in "$@"; do
  case "$arg" in
    --tests) tests=yes ;;
    --dry-run) dry_run=yes ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) die "unknown argument '$arg'" "this script takes --tests and --dry-run" "see $0 --help" ;;
  esac
done

require_debian_12

wanted=("${build_packages[@]}")
[ "$tests" = yes ] && wanted+=("${test_packages[@]}")
# Any Node.js with npm will do (the build bundles JavaScript with it); Debian's where there is none.
command -v node >/dev/null 2>&1 || wanted+=(nodejs)
command -v npm >/dev/null 2>&1 || wanted+=(npm)

installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "$package installed" <<<"$installed" || missing+=("$package")
done

# The private V8 is downloaded by apt, not installed: that needs package lists only.
lists_stale=no
if [ ! -e "$odw_root/build/third_party/node_v8/usr/include/node/v8.h" ]; then
  known=$(apt-cache policy libnode-dev 2>/dev/null | sed -n 's/^ *Candidate: //p')
  case "$known" in '' | '(none)') lists_stale=yes ;; esac
fi

if [ ${#missing[@]} -eq 0 ] && [ "$lists_stale" = no ]; then
  say "all ${#wanted[@]} packages are here, nothing to install"
  exit 0
fi

if [ ${#missing[@]} -gt 0 ]; then
  say "will install ${#missing[@]} Debian packages (of ${#wanted[@]} needed):"
  printf '%s\n' "${missing[*]}" | fold -s -w 92 | sed 's/^/    /'
else
  say "will refresh apt's package lists: they do not name libnode-dev, which the V8 build needs"
fi
if [ "$dry_run" = yes ]; then
  say "dry run: nothing was changed"
  exit 0
fi

require_root_or_sudo "installing packages"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Waits for another apt that holds the lock, and never asks anything.
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600)

say "refreshing the package lists"
if ! as_root "${apt[@]}" update >"$log" 2>&1; then
  # One broken third-party source must not stop us: the install below is the judge.
  tail -n 5 "$log" >&2
  say "warning: apt-get update had errors (above); going on with the lists there are"
fi
if [ ${#missing[@]} -gt 0 ]; then
  say "installing (a few minutes on a fresh system)"
  if ! as_root "${apt[@]}" install --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "apt-get could not install the packages" "its last lines stand above" \
      "mend what they name (often: 'apt-get update', 'apt-get -f install' or the network), then run this again"
  fi
fi
say "done"
