#!/usr/bin/env bash
# Sees to it that a container engine answers `docker`: where none does, installs Debian's docker.io
# and starts dockerd. What it starts it leaves running, and says so.
#
#   tests/engine.sh [--check]      --check: only say whether one answers (exit status 3 when not)
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
log=${TMPDIR:-/tmp}/tkn-local-dockerd.log

say() { printf '%s\n' "$*" >&2; }
die() { say "engine: $*"; exit 3; }
answers() { timeout 15 docker version --format '{{.Server.Version}}' 2>/dev/null | grep -q .; }
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else die "'$*' must be run as root, and there is no sudo"
  fi
}

install_packages() {
  command -v apt-get >/dev/null 2>&1 ||
    die "no engine answers, and there is no apt-get here: install Docker or Podman, start it, and come again"
  say "engine: installing $*"
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

start() {
  if [ -d /run/systemd/system ]; then
    as_root systemctl start docker
    return
  fi
  # A daemon that was killed leaves its pid file, and refuses to start beside it.
  if [ -f /var/run/docker.pid ] && ! kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null; then
    as_root rm -f /var/run/docker.pid
  fi
  as_root setsid dockerd >"$log" 2>&1 </dev/null &
}

wait_for_it() {
  for _ in $(seq 60); do
    if answers; then return 0; fi
    sleep 1
  done
  return 1
}

if answers; then exit 0; fi
if [ "${1-}" = --check ]; then die "none answers"; fi
if [ -n "${DOCKER_HOST-}" ]; then
  die "DOCKER_HOST is $DOCKER_HOST, and nothing answers there: unset it, or start that engine"
fi
missing=()
command -v dockerd >/dev/null 2>&1 || missing+=(docker.io)
command -v iptables >/dev/null 2>&1 || missing+=(iptables)
if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
# Since Debian 13 the client is a package of its own.
command -v docker >/dev/null 2>&1 || install_packages docker-cli
if ! answers; then
  say "engine: starting dockerd"
  start
fi
if wait_for_it; then
  say "engine: dockerd $(docker version --format '{{.Server.Version}}') runs; it is left running"
  exit 0
fi
if as_root docker version >/dev/null 2>&1; then
  die "dockerd runs, but $(id -un) may not use it: sudo usermod -aG docker $(id -un), then log in again"
fi
if [ -s "$log" ]; then tail -n 15 "$log" >&2; fi
die "dockerd did not come up within a minute"
