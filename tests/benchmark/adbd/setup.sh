#!/usr/bin/env bash
# Runs a command where a real Android debug daemon can be started: Debian's adbd in a system of its own.
#
#     bash tests/benchmark/adbd/setup.sh .venv/bin/python -m pytest -m adbd
#
# As root on Debian or Ubuntu. The first call installs adb and debootstrap and makes the system (Debian trixie, 230 MB),
# later ones take seconds. adbd serves root to whoever asks, so it and the command get a network of their own, in which
# there is nothing else; their processes and mounts end with the command. It listens on vsock too, which isn't kept apart:
# where this is a virtual machine, the machine that runs it could connect meanwhile.
set -euo pipefail

system=${TFQNOISE_ADBD:-/var/cache/tfqnoise/adbd}

if [[ ${1:-} == --inside ]]; then
  shift
  # What is mounted here stays here.
  mount --make-rprivate /
  mount -t proc proc /proc
  mount -t proc proc "$system/proc"
  mount --rbind /dev "$system/dev"
  ip link set lo up
  HOME=$(mktemp -d)
  export HOME TFQNOISE_ADBD="$system"
  code=0
  "$@" || code=$?
  adb kill-server 2>/dev/null || true
  rm -rf "$HOME"
  exit "$code"
fi

if [[ $# -eq 0 || $EUID -ne 0 ]]; then
  echo "usage, as root: $0 COMMAND…" >&2
  exit 2
fi
for program in adb:adb debootstrap:debootstrap ip:iproute2; do
  if ! command -v "${program%:*}" >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${program#*:}"
  fi
done
if [[ ! -x $system/usr/lib/android-sdk/platform-tools/adbd ]]; then
  mkdir -p "$(dirname "$system")"
  fresh=$(mktemp -d "$system.XXXXXX")
  debootstrap --variant=minbase --include=adbd trixie "$fresh"
  # Where a phone's shell may write and execute.
  mkdir -p "$fresh/data/local/tmp"
  # Whole or not at all.
  mv -T "$fresh" "$system"
fi
exec unshare --net --mount --pid --fork --kill-child bash "$0" --inside "$@"
