#!/usr/bin/env bash
# Builds tkn-local from this checkout and installs it. See ./install.sh --help.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
minimum=1.89

usage() {
  cat <<'TEXT'
Usage: ./install.sh [OPTIONS]

Builds tkn-local from this checkout and installs the binary and its completions for bash, zsh and fish.

  --prefix DIR    install to DIR/bin and DIR/share (default: /usr/local as root, otherwise ~/.local)
  --with-engine   install and start Debian's docker.io if no container engine answers
  --demo          run examples/build-test-report.yaml afterwards
  --force         replace or remove a tkn-local that this project did not install
  --uninstall     remove what was installed; runs and their logs are kept
  --help          print this help
TEXT
}

say() { printf '%s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

prefix='' with_engine=false demo=false force=false uninstall=false
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) [ $# -ge 2 ] || die '--prefix requires a directory'; prefix=$2; shift ;;
    --prefix=*) prefix=${1#*=} ;;
    --with-engine) with_engine=true ;;
    --demo) demo=true ;;
    --force) force=true ;;
    --uninstall) uninstall=true ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; printf '\n' >&2; printf 'install.sh: unknown option %s\n' "$1" >&2; exit 2 ;;
  esac
  shift
done
if [ -z "$prefix" ]; then
  if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=$HOME/.local; fi
fi
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac

binary=$prefix/bin/tkn-local
bash_completion=$prefix/share/bash-completion/completions/tkn-local
zsh_completion=$prefix/share/zsh/site-functions/_tkn-local
fish_completion=$prefix/share/fish/vendor_completions.d/tkn-local.fish

target=${CARGO_TARGET_DIR:-$here/target}
case $target in /*) ;; *) target=$here/$target ;; esac

# True when $1 is a tkn-local of this project: it says so itself.
is_ours() { timeout 10 "$1" --version 2>/dev/null | grep -q '^tkn-local [0-9]'; }

if $uninstall; then
  if [ -e "$binary" ] && ! $force && ! is_ours "$binary"; then
    die "$binary is not this project's tkn-local; use --force to remove it anyway"
  fi
  for file in "$binary" "$bash_completion" "$zsh_completion" "$fish_completion"; do
    if [ -e "$file" ]; then rm -f "$file"; say "removed $file"; fi
  done
  exit 0
fi

# --- before anything is built: will it fit in place, and is there what it takes? ---

if [ -e "$binary" ] && ! $force && ! is_ours "$binary"; then
  die "$binary exists and is not this project's tkn-local; use --force to replace it, or --prefix to install elsewhere"
fi
mkdir -p "$prefix/bin" 2>/dev/null || die "cannot write to $prefix; choose another directory with --prefix"
[ -w "$prefix/bin" ] || die "cannot write to $prefix/bin; choose another directory with --prefix, or run as root"

find_cargo() {
  if command -v cargo >/dev/null 2>&1; then return; fi
  if [ -f "$HOME/.cargo/env" ]; then
    # shellcheck source=/dev/null
    . "$HOME/.cargo/env"
  fi
}

# True when version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

need_rust() {
  cat >&2 <<TEXT
install.sh: $1
tkn-local needs Rust $minimum or newer, which Debian does not package. Install it with

  apt-get install -y curl ca-certificates gcc libc6-dev
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal

and run ./install.sh again.
TEXT
  exit 1
}

find_cargo
command -v cargo >/dev/null 2>&1 || need_rust 'cargo not found.'
version=$(cargo --version | awk '{ print $2 }')
at_least "$version" "$minimum" || need_rust "cargo $version is too old."
if ! command -v cc >/dev/null 2>&1; then
  # Rust links with the system's compiler, and the static agent needs libc.a.
  if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    die 'no C compiler found; on Debian run: sudo apt-get install gcc libc6-dev'
  fi
  say 'installing gcc and libc6-dev'
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends gcc libc6-dev >/dev/null
fi

if $with_engine; then
  "$here/tests/engine.sh"
elif $demo; then
  "$here/tests/engine.sh" --check || die 'the demo needs a container engine; use --with-engine to install one'
fi

# --- build and install ---

say "building tkn-local (cargo $version); this takes some minutes the first time"
(cd "$here" && cargo build --release --locked --target-dir "$target")

staged=$binary.new.$$
trap 'rm -f "$staged"' EXIT
# Renamed into place, so that a running tkn-local keeps its binary.
install -m 755 "$target/release/tkn-local" "$staged"
mv -f "$staged" "$binary"
install -D -m 644 "$here/completions/tkn-local.bash" "$bash_completion"
install -D -m 644 "$here/completions/_tkn-local" "$zsh_completion"
install -D -m 644 "$here/completions/tkn-local.fish" "$fish_completion"

say "installed $("$binary" --version)"
say "  $binary"
say "  $bash_completion"
say "  $zsh_completion"
say "  $fish_completion"
case :$PATH: in
  *:"$prefix/bin":*) ;;
  *) say "$prefix/bin is not in PATH; add it with: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac

if [ "$prefix" != /usr/local ] && [ "$prefix" != /usr ]; then
  say "for zsh completions, add this to ~/.zshrc before compinit: fpath+=($prefix/share/zsh/site-functions)"
fi

if $demo; then
  "$here/tests/images.sh"
  say
  say "\$ tkn-local run examples/build-test-report.yaml"
  cd "$here"
  "$binary" run examples/build-test-report.yaml
fi
