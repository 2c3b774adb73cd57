#!/usr/bin/env bash
# Runs Tekton's own examples and cases, and the verdicts of its admission code, and compares with
# what is known to pass: nothing that passed may fail.
#
#   tests/conformance.sh SUITE BINARY              compares; exit status 1 when something fell back
#   tests/conformance.sh --refresh SUITE BINARY    runs everything and writes both lists anew
#
# SUITE is the folder with run.py, verdicts.py and images.sh. The lists, beside this file:
#   conformance/passing.txt    SET/FILE of each case that passes; a case not on it is not run
#   conformance/differing.txt  id of each document whose verdict differs from Tekton's; without
#                              this file verdicts are counted, not compared
# Read the difference before you commit a refresh: a line that left passing.txt or entered
# differing.txt is something that fell back.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
passing=$here/conformance/passing.txt
differing=$here/conformance/differing.txt

refresh=false
if [ "${1-}" = --refresh ]; then refresh=true; shift; fi
if [ $# -ne 2 ]; then sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
suite=$1 binary=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# Volumes of runs that can be resumed, and those of claims: kept by each run, wanted by nobody here.
volumes() { docker volume ls -q --filter name=tkn-local- | sort; }

entries() { sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$1" | sort -u; }

run_cases() { # $1: a regular expression on SET/FILE
  # Its exit status tells that some case failed; what matters is which, and that is compared.
  volumes >"$work/volumes"
  python3 "$suite/run.py" --bin "$binary" --verbose --filter "$1" >"$work/run" || true
  volumes | comm -13 "$work/volumes" - | xargs -r docker volume rm >/dev/null
  awk '$1 == "passed" { print $2 }' "$work/run" | sort -u >"$work/passed"
  tail -n 2 "$work/run"
}

run_verdicts() {
  # It adds None to a number at the first document that differs; the copy counts it as false.
  sed 's/(case\.get("crd_schema") and/(bool(case.get("crd_schema")) and/' "$suite/verdicts.py" >"$work/verdicts.py"
  python3 "$work/verdicts.py" --bin "$binary" --floor 0 "$suite/validation/cases.jsonl" >"$work/verdicts"
  # One line for each document that differs: ID  KIND …: want VERDICT, got exit STATUS; …
  awk '/: want (accept|reject), got exit / { print $1 }' "$work/verdicts" | sort -u >"$work/differs"
  tail -n 2 "$work/verdicts"
}

write_list() { # $1: the list, $2: its title, $3: the entries
  { printf '# %s\n# Written by tests/conformance.sh --refresh.\n' "$2"; cat "$3"; } >"$work/list"
  cp "$work/list" "$1"
  printf 'conformance: %s lines in %s\n' "$(wc -l <"$3")" "${1#"$here"/}"
}

# Prints $1 and the lines of file $2; false when there are any.
none_of() {
  if [ ! -s "$2" ]; then return 0; fi
  printf 'conformance: %s\n' "$1"
  sed 's/^/  /' "$2"
  return 1
}

if $refresh; then
  "$suite/images.sh" all
  run_cases ''
  run_verdicts
  write_list "$passing" 'Cases of the conformance suite that pass: SET/FILE.' "$work/passed"
  write_list "$differing" 'Documents whose verdict differs from that of Tekton: id.' "$work/differs"
  exit 0
fi

status=0
entries "$passing" >"$work/known"
if [ -s "$work/known" ]; then
  "$suite/images.sh" all
  run_cases "^($(sed 's/[.+(){}|^$*?[]/\\&/g' "$work/known" | paste -sd '|'))\$"
  awk '$1 == "failed"' "$work/run"
  comm -23 "$work/known" "$work/passed" >"$work/lost"
  none_of 'these cases passed before:' "$work/lost" || status=1
else
  echo 'conformance: no case is on the list yet'
fi
run_verdicts
if [ -f "$differing" ]; then
  entries "$differing" >"$work/known"
  comm -13 "$work/known" "$work/differs" >"$work/lost"
  none_of 'these verdicts agreed before:' "$work/lost" || status=1
fi
exit "$status"
