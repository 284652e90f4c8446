# What the scripts here share: words for the user, the checks of the system. Sourced, not run.

odw_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
odw_me=$(basename "$0")

say() { printf '%s: %s\n' "$odw_me" "$*"; }

# die WHAT WHY NEXT: the three things that an error owes its reader.
die() {
  printf '%s: error: %s\n  why:  %s\n  next: %s\n' "$odw_me" "$1" "$2" "$3" >&2
  exit 1
}

# Debian 12 on x86-64 is what is built and tested; elsewhere package names and versions differ.
require_debian_12() {
  local id=unknown version=unknown machine release=${ODW_OS_RELEASE:-/etc/os-release} # tests set it
  if [ -r "$release" ]; then
    id=$(. "$release" && echo "${ID:-unknown}")
    version=$(. "$release" && echo "${VERSION_ID:-unknown}")
  fi
  machine=$(uname -m)
  if [ "$id" != debian ] || [ "$version" != 12 ]; then
    die "this is $id $version; odwd is built on Debian 12 (bookworm) only" \
      "the package names and the versions of V8, gRPC and RocksDB are those of Debian 12" \
      "run it on Debian 12: a machine, a container (image debian:12) or a chroot (mmdebstrap bookworm DIR)"
  fi
  if [ "$machine" != x86_64 ]; then
    die "this machine is $machine; only x86_64 is supported so far" \
      "the private V8 is unpacked to, and looked for in, Debian's x86_64 library path" \
      "build on an x86_64 machine"
  fi
}

# ninja_quietly LOG STEP NINJA_ARGS...: ninja with its output in LOG, showing one line in STEP, so that a log
# stays readable and shows that it moves. Ninja's status. (Not awk: Debian's reads pipes by the block.)
ninja_quietly() {
  local log=$1 step=$2 pid line count=0
  shift 2
  ninja "$@" >>"$log" 2>&1 &
  pid=$!
  tail -n +1 -f --pid="$pid" "$log" 2>/dev/null | while IFS= read -r line; do
    [[ $line =~ ^\[[0-9]+/[0-9]+\] ]] || continue
    if [ $((count++ % step)) = 0 ]; then printf '  %s\n' "${line:0:100}"; fi
  done
  wait "$pid"
}

# as_root CMD...: runs CMD as root: directly, or by sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo -- "$@"
  fi
}

# require_root_or_sudo FOR_WHAT
require_root_or_sudo() {
  [ "$(id -u)" = 0 ] && return
  command -v sudo >/dev/null 2>&1 ||
    die "$1 needs root, and there is no sudo here" "packages are installed for the whole system" \
      "run deploy/install_dependencies.sh once as root, then this again as yourself"
  sudo -n true 2>/dev/null && return
  [ -t 0 ] ||
    die "$1 needs root, and sudo wants a password but there is no terminal" \
      "packages are installed for the whole system" \
      "run deploy/install_dependencies.sh once as root, then this again as yourself"
}
