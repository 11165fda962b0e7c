# Takes the action's outputs from a verdict.json (fivegate/verdict/v1) as gate
# writes it: one key a line, two spaces a level. Strings in it cannot hold a bare
# quote, so a line that matches whole is the key itself and never a part of a text.

function text() { value = $0; sub(/^[^:]*: "/, "", value); sub(/",?$/, "", value); return value }
function number() { value = $0; sub(/^[^:]*: /, "", value); sub(/,$/, "", value); return value }

/^    "runner_class": "[A-Za-z0-9._+\/-]+",$/ { if (length($0) < 230) print "runner-class=" text() }

# One metric after another; its name comes first, its decision last.
/^      "name": "[a-z0-9_.]+",$/ { name = text(); gating = 0; effect = "" }
/^      "gating": true,$/ { gating = 1 }
/^      "effect": -?[0-9.eE+-]+,$/ { effect = number() }
/^      "decision": "[a-z]+",$/ {
  if (gating && text() == "regression") regressions++
  if (gating && effect != "" && (worst == "" || effect + 0 > worst + 0)) { worst = effect; metric = name }
}

END {
  print "regressions=" regressions + 0
  if (worst != "") { printf "worst-change=%+.1f%%\n", 100 * worst; print "worst-metric=" metric }
}
