# shellcheck shell=bash
# Asks the installed tkn-local for its completions, so that they always match it.
if command -v tkn-local >/dev/null 2>&1; then
  eval "$(COMPLETE=bash tkn-local)"
fi
