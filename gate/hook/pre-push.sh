#!/bin/sh
{{.Marker}}
# "gate hook install" wrote it and "gate hook uninstall" takes it away; changes made
# here are lost. A hook of your own goes into pre-push.local beside it.

# What git says of the push is read once, and given to both hooks as it is.
refs=$(cat && echo .)
refs=${refs%.}

chained=${0%/*}/pre-push.local
if [ -x "$chained" ]; then
  printf %s "$refs" 2>/dev/null | "$chained" "$@" || exit $?
fi

gate={{.Program}}
[ -x "$gate" ] || gate=$(command -v gate) || {
  echo 'gate: not found, so this push is not checked; install it again, or run: git config gate.hook false' >&2
  exit 0
}
printf %s "$refs" 2>/dev/null | "$gate" {{.Arguments}} -- "$@"

# Only a regression stops a push, and only with --strict. Trouble of gate's own does not.
[ $? -ne 1 ]
