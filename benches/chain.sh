#!/usr/bin/env bash
# Times a chain of tasks in tkn-local against a shell loop of `docker run` in one network namespace,
# and the time to the first line of a log against `docker run`. Figures are the medians of RUNS
# (default 5) runs, taken in turn so that both meet the same machine.
#
#   benches/chain.sh [BINARY]      default: target/release/tkn-local
#
# Needs an engine with the image `busybox` (tests/images.sh makes it).
set -euo pipefail
binary=$(realpath "${1:-target/release/tkn-local}")
runs=${RUNS:-5}
work=$(mktemp -d)
trap 'docker rm -f chain-bench-net >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

pipeline() { # NUMBER SCRIPT: a chain of that many tasks with one step each
  printf 'apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {generateName: chain-}\nspec:\n  pipelineSpec:\n    tasks:\n'
  for ((i = 0; i < $1; i++)); do
    printf '      - name: t%d\n' "$i"
    [ "$i" -eq 0 ] || printf '        runAfter: [t%d]\n' $((i - 1))
    printf '        taskSpec: {steps: [{name: s, image: busybox, script: "%s"}]}\n' "$2"
  done
}

loop() { # NUMBER SCRIPT: the same with the engine's own command
  docker run -d --name chain-bench-net busybox sleep 600 >/dev/null
  for ((i = 0; i < $1; i++)); do
    docker run --rm --network container:chain-bench-net busybox sh -c "$2" >/dev/null
  done
  docker rm -f chain-bench-net >/dev/null
}

ours() { "$binary" --state-dir "$work/state" run "$1" >/dev/null 2>&1; }

first_line() { # COMMAND...: seconds until the first line of its output
  local start now line
  start=$(date +%s%N)
  exec 3< <("$@" 2>/dev/null)
  IFS= read -r line <&3
  now=$(date +%s%N)
  [ -n "$line" ]
  cat <&3 >/dev/null
  exec 3<&-
  echo $(((now - start) / 1000000))
}

taken() { # COMMAND...: milliseconds
  local start
  start=$(date +%s%N)
  "$@"
  echo $((($(date +%s%N) - start) / 1000000))
}

median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

compare() { # NAME OURS-FILE THEIRS-FILE
  local a b
  a=$(median <"$2")
  b=$(median <"$3")
  awk -v n="$1" -v a="$a" -v b="$b" 'BEGIN {printf "%-34s tkn-local %6d ms   docker %6d ms   ratio %.2f\n", n, a, b, a / b}'
}

pipeline 20 'sleep 0.3' >"$work/sleep.yaml"
pipeline 20 'echo hi' >"$work/echo.yaml"
pipeline 1 'echo hi' >"$work/one.yaml"
ours "$work/one.yaml"
for ((r = 0; r < runs; r++)); do
  taken ours "$work/sleep.yaml" >>"$work/sleep.ours"
  taken loop 20 'sleep 0.3' >>"$work/sleep.theirs"
  taken ours "$work/echo.yaml" >>"$work/echo.ours"
  taken loop 20 'echo hi' >>"$work/echo.theirs"
  first_line "$binary" --state-dir "$work/state" run "$work/one.yaml" >>"$work/first.ours"
  first_line docker run --rm busybox echo hi >>"$work/first.theirs"
done
compare '20 steps of sleep 0.3' "$work/sleep.ours" "$work/sleep.theirs"
compare '20 steps of echo' "$work/echo.ours" "$work/echo.theirs"
compare 'first line of a one-step pipeline' "$work/first.ours" "$work/first.theirs"
