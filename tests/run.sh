#!/usr/bin/env bash
# Prepares what the tests need on this machine and runs all of them, those that need an engine too.
#
#   tests/run.sh [ARGUMENTS OF cargo nextest run, or of cargo test where that is missing]
#
# Exit status: that of the tests; 3 when there is no engine, 2 when there is no Rust.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo >/dev/null 2>&1 && [ -f "$HOME/.cargo/env" ]; then
  # shellcheck source=/dev/null
  . "$HOME/.cargo/env"
fi
if ! command -v cargo >/dev/null 2>&1; then
  cat >&2 <<'TEXT'
tests: no cargo here. Debian's is too old; Rust's own installer:
  apt-get install -y curl gcc libc6-dev
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile default
TEXT
  exit 2
fi
tests/engine.sh
tests/images.sh

# What is marked as ignored is no test: programs that a test starts and kills.
if cargo nextest --version >/dev/null 2>&1; then
  exec cargo nextest run --locked --no-fail-fast "$@"
fi
exec cargo test --locked --no-fail-fast "$@"
