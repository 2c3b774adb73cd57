#!/usr/bin/env bash
# Sees to it that the engine has `busybox`, the one image of the examples and tests: pulled, or,
# where no registry answers, made from Debian's busybox-static. An image that is there is left as it is.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
is_static() { [ -n "$1" ] && ! ldd "$1" >/dev/null 2>&1; }

if docker image inspect busybox:latest >/dev/null 2>&1; then exit 0; fi
if timeout 120 docker pull --quiet busybox:latest >/dev/null 2>&1; then
  say "images: pulled busybox"
  exit 0
fi

binary=$(command -v busybox || true)
if ! is_static "$binary"; then
  command -v apt-get >/dev/null 2>&1 || {
    say "images: busybox cannot be pulled, and there is no static busybox here to make it from"
    exit 3
  }
  say "images: installing busybox-static"
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends busybox-static >/dev/null
  binary=$(command -v busybox)
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,dev,etc,home,proc,root,sys,tmp,usr/bin,usr/sbin,var/tmp}
cp "$binary" "$root/bin/busybox"
for applet in $("$binary" --list); do
  [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
ln -s ../../bin/env "$root/usr/bin/env"
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnobody:x:65534:\n' >"$root/etc/group"
chmod 755 "$root"
chmod 1777 "$root/tmp" "$root/var/tmp"
tar -C "$root" --owner=0 --group=0 -c . | docker import -c 'CMD ["sh"]' - busybox:latest >/dev/null
say "images: made busybox from $binary"
