#!/usr/bin/env bash
# Times a pipeline of 50 tasks whose last one fails, and the run that resumes it after the mend: 49
# tasks are reused, one runs. Figures are the medians of RUNS (default 5).
#
#   benches/resume.sh [BINARY]      default: target/release/tkn-local
#
# Needs an engine with the image `busybox` (tests/images.sh makes it).
# shellcheck disable=SC2016 # what looks like a variable of the shell is one of Tekton
set -euo pipefail
binary=$(realpath "${1:-target/release/tkn-local}")
runs=${RUNS:-5}
work=$(mktemp -d)
ours() { "$binary" --state-dir "$work/state" "$@"; }
trap 'ours prune --runs 0 >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# LAST: the script of the last task. Each task has a result of the one before it.
pipeline() {
  printf 'apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {generateName: fifty-}\nspec:\n  pipelineSpec:\n    tasks:\n'
  for ((i = 0; i < 50; i++)); do
    printf '      - name: t%d\n' "$i"
    script="printf $i > \$(results.r.path)"
    [ "$i" -lt 49 ] || script=$1
    if [ "$i" -gt 0 ]; then
      printf '        params: [{name: before, value: $(tasks.t%d.results.r)}]\n' $((i - 1))
    fi
    printf '        taskSpec: {params: [{name: before, default: ""}], results: [{name: r}], steps: [{name: s, image: busybox, script: "%s"}]}\n' "$script"
  done
}

taken() { # COMMAND...: milliseconds
  local start
  start=$(date +%s%N)
  "$@" >/dev/null 2>&1 || true
  echo $((($(date +%s%N) - start) / 1000000))
}

median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

tell() { printf '%-42s %6d ms\n' "$1" "$(median <"$2")"; }

pipeline 'exit 1' >"$work/broken.yaml"
pipeline 'printf 49 > $(results.r.path)' >"$work/mended.yaml"
for ((r = 0; r < runs; r++)); do
  cp "$work/broken.yaml" "$work/fifty.yaml"
  taken ours run "$work/fifty.yaml" >>"$work/full"
  cp "$work/mended.yaml" "$work/fifty.yaml"
  taken ours resume latest --dry-run >>"$work/decide"
  taken ours resume latest >>"$work/resume"
  # The proof that it was a resume: so many tasks stand for earlier ones.
  reused=$(ours describe latest | grep -c 'reused' || true)
  [ "$reused" -ge 49 ] || { echo "resume: only $reused tasks were reused" >&2; exit 1; }
done
tell 'full run of 50 tasks' "$work/full"
tell 'resume with 49 reused (one task runs)' "$work/resume"
tell 'plan and decision alone (--dry-run)' "$work/decide"
