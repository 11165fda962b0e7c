# Functions that the action's scripts share. They are sourced, keep to what
# bash 3.2 knows (macOS), and need nothing but POSIX tools.
# shellcheck shell=bash

# random prints 32 hexadecimal digits that nobody can guess.
random() {
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

# annotate LEVEL MESSAGE shows a message in the log and beside the change.
annotate() {
  local message=$2
  message=${message//'%'/%25}
  message=${message//$'\r'/%0D}
  message=${message//$'\n'/%0A}
  printf '::%s title=gate::%s\n' "$1" "$message"
}

# die MESSAGE ends the step as an environment or usage fault.
die() {
  annotate error "$1"
  exit 3
}

# output NAME VALUE sets an output of the step. The delimiter is new every time,
# so that no value can end itself early and set another output.
output() {
  local delimiter
  delimiter="gate-$(random)"
  case "$2" in
    *"$delimiter"*) die "output $1 holds its own delimiter" ;;
  esac
  printf '%s<<%s\n%s\n%s\n' "$1" "$delimiter" "$2" "$delimiter" >>"$GITHUB_OUTPUT"
}

# matches TEXT PATTERN says whether all of a text, and not only one of its lines,
# matches an extended regular expression.
matches() {
  local LC_ALL=C
  [[ "$1" =~ ^($2)$ ]]
}

# truth NAME VALUE sets REPLY to true or false; anything else is a fault.
truth() {
  case "$2" in
    [Tt][Rr][Uu][Ee]) REPLY=true ;;
    [Ff][Aa][Ll][Ss][Ee] | '') REPLY=false ;;
    *) die "input $1 is \"$2\"; allowed are true and false" ;;
  esac
}

# one_of NAME VALUE ALLOWED... is a fault when the value is none of the allowed.
one_of() {
  local name=$1 value=$2 allowed
  shift 2
  for allowed in "$@"; do
    if [ "$value" = "$allowed" ]; then return; fi
  done
  die "input $name is \"$value\"; allowed are: $*"
}

# sha256 FILE prints its digest in hexadecimal.
sha256() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum <"$1" | cut -d ' ' -f 1
  else
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  fi
}

# scratch NAME sets REPLY to a new directory in the runner's temporary directory.
scratch() {
  REPLY=$(mktemp -d "${RUNNER_TEMP:?}/gate-$1-XXXXXXXX")
}
