# Asks the installed tkn-local for its completions, so that they always match it.
if type -q tkn-local
    COMPLETE=fish tkn-local | source
end
