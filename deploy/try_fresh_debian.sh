#!/usr/bin/env bash
# Tries quickstart on a fresh Debian 12: a minimal system made by mmdebstrap, a clone of this repository in
# it, quickstart twice (the second time must be quick), everything removed at the end. Needs root.
#   try_fresh_debian.sh [--user] [--work-tree] [--keep] [--command CMD] [--sources FILE]
#     --user          as a user with sudo and without a login shell, instead of root
#     --work-tree     the files as they stand, not the last commit
#     --keep          leaves the system where it is, and says where
#     --command CMD   instead of quickstart, run once, in the clone
#     --sources FILE  apt sources to use (default: this machine's Debian sources)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SECOND_RUN_SECONDS_MAX=60
user=root
work_tree=no
keep=no
command=
sources=
while [ $# -gt 0 ]; do
  case "$1" in
    --user) user=tester; shift ;;
    --work-tree) work_tree=yes; shift ;;
    --keep) keep=yes; shift ;;
    --command) command=$2; shift 2 ;;
    --sources) sources=$2; shift 2 ;;
    *) die "unknown argument '$1'" "it is none of this script's options" "see the head of $0" ;;
  esac
done
[ "$(id -u)" = 0 ] || die "this needs root" "it makes a system and changes its root to it" "run it with sudo"
command -v mmdebstrap >/dev/null || die "mmdebstrap is missing" "it makes the fresh system" "apt-get install mmdebstrap"
if [ -z "$sources" ]; then
  for sources in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ -s "$sources" ] && break
  done
fi

system=$(mktemp -d /var/tmp/odw-fresh-XXXXXX)
# All mounts live in a namespace that ends with its processes; only files are left to remove.
cleanup() { [ "$keep" = yes ] && say "left in $system" || rm -rf --one-file-system "$system"; }
trap cleanup EXIT

say "making Debian 12 in $system"
include=passwd,sudo
mmdebstrap --quiet --variant=minbase --include="$include" bookworm "$system" "$sources" ||
  die "mmdebstrap failed" "its words stand above" "check $sources and the network"
# The machine's way to the network: names, and authorities of its own.
cp -L /etc/resolv.conf /etc/hosts "$system/etc/"
mkdir -p "$system/usr/local/share/ca-certificates"
cp /usr/local/share/ca-certificates/*.crt "$system/usr/local/share/ca-certificates/" 2>/dev/null || true

clone=$system/srv/odwd
if [ "$work_tree" = yes ]; then
  mkdir -p "$clone"
  git -C "$odw_root" ls-files -z -co --exclude-standard |
    tar -C "$odw_root" --null --ignore-failed-read -T - -cf - | tar -C "$clone" -xf -
  git -C "$clone" init -q
  git -C "$clone" add -A
  git -C "$clone" -c user.name=try -c user.email=try@localhost commit -q -m "work tree"
else
  git clone -q --no-hardlinks "$odw_root" "$clone"
fi
if [ "$user" != root ]; then
  chroot "$system" useradd --create-home --shell /usr/sbin/nologin "$user"
  echo "$user ALL=(ALL) NOPASSWD: ALL" >"$system/etc/sudoers.d/$user"
fi
chroot "$system" chown -R "$user" /srv/odwd

# inside CMD: runs it in the clone, with no terminal, no environment to lean on, and no process left after.
# The program that holds the namespaces sees only what is mounted here.
inside() {
  unshare --mount --pid --fork --kill-child bash -euc '
    system=$1 user=$2 command=$3
    mount -t proc proc "$system/proc"
    mount --rbind /dev "$system/dev"
    mount -t tmpfs tmpfs "$system/tmp"
    chmod 1777 "$system/tmp"
    home=$(chroot "$system" getent passwd "$user" | cut -d: -f6)
    chroot "$system" setpriv --reuid "$user" --regid "$user" --init-groups \
      env -i CI=true HOME="$home" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"} \
      bash -c "cd /srv/odwd && $command"
  ' inside "$system" "$user" "$1" </dev/null
}

if [ -n "$command" ]; then
  say "running as $user: $command"
  inside "$command"
  exit
fi
for round in first second; do
  say "quickstart as $user, $round run"
  started=$SECONDS
  inside deploy/quickstart.sh || die "quickstart failed in its $round run" "its words stand above" "try --keep and look"
  took=$((SECONDS - started))
  say "the $round run took $took s"
done
[ "$took" -le "$SECOND_RUN_SECONDS_MAX" ] ||
  die "the second run took $took s" "it must find everything done already" "see which step took the time"
say "passed"
