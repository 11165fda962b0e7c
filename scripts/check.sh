#!/usr/bin/env bash
# Runs gate check with the action's inputs and sets the outputs that describe
# what came out. It succeeds when there is a result document, whatever the
# verdict: publish.sh decides whether the step fails.
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$scripts/lib.sh"

cd -- "${INPUT_WORKING_DIRECTORY:-.}" || die "working-directory \"$INPUT_WORKING_DIRECTORY\" cannot be entered: check out the repository first"

# is_commit says whether a text is a full commit id, and not the zeros that
# GitHub sends for "none".
is_commit() {
  matches "$1" '[0-9a-f]{40}|[0-9a-f]{64}' && ! matches "$1" '0+'
}

# has_commit says whether a commit is in this clone.
has_commit() {
  is_commit "$1" && git cat-file -e "$1^{commit}" 2>/dev/null
}

# event_base prints the commit that the event's change is to be compared with;
# nothing where gate's own choice, the merge base with the default branch, is right.
event_base() {
  case "${GITHUB_EVENT_NAME:-}" in
    pull_request)
      # What is checked out is the pull request merged into its base branch; the
      # first parent is what that branch is without it.
      if [ "$(git rev-parse HEAD)" = "${GITHUB_SHA:-}" ] && git rev-parse --quiet --verify 'HEAD^2' >/dev/null; then
        git rev-parse --verify 'HEAD^1'
      elif has_commit "${EVENT_PULL_REQUEST_BASE:-}"; then
        git merge-base "$EVENT_PULL_REQUEST_BASE" HEAD || true
      fi
      ;;
    merge_group) if has_commit "${EVENT_MERGE_GROUP_BASE:-}"; then echo "$EVENT_MERGE_GROUP_BASE"; fi ;;
    push) if has_commit "${EVENT_BEFORE:-}"; then echo "$EVENT_BEFORE"; fi ;;
  esac
}

out=${INPUT_OUT:-}
if [ -z "$out" ]; then
  scratch check
  out=$REPLY
else
  mkdir -p -- "$out"
  out=$(cd -- "$out" && pwd)
fi
rm -f -- "$out/result.json" "$out/verdict.json" "$out/report.md"

base=${INPUT_BASE:-}
if [ -z "$base" ] && [ -z "${INPUT_HEAD:-}" ] && [ -z "${INPUT_AGAINST:-}" ]; then
  base=$(event_base)
fi

arguments=(check "--out=$out")
# flag NAME VALUE passes a value on when there is one. With "=" a value that
# begins with a dash stays a value.
flag() {
  if [ -n "$2" ]; then arguments+=("--$1=$2"); fi
}
# switch NAME VALUE passes a switch on when it is true.
switch() {
  truth "$1" "$2"
  if [ "$REPLY" = true ]; then arguments+=("--$1"); fi
}
flag base "$base"
flag head "${INPUT_HEAD:-}"
flag config "${INPUT_CONFIG:-}"
flag scenario "${INPUT_SCENARIO:-}"
flag budget "${INPUT_BUDGET:-}"
flag threshold "${INPUT_THRESHOLD:-}"
flag seed "${INPUT_SEED:-}"
switch alternate "${INPUT_ALTERNATE:-}"
switch measure-anyway "${INPUT_MEASURE_ANYWAY:-}"
flag against "${INPUT_AGAINST:-}"
flag bench "${INPUT_BENCH:-}"
flag pkg "${INPUT_PKG:-}"
flag cpu "${INPUT_CPU:-}"
flag cmd "${INPUT_CMD:-}"
flag build "${INPUT_BUILD:-}"
flag prepare "${INPUT_PREPARE:-}"
flag cleanup "${INPUT_CLEANUP:-}"
flag warmup "${INPUT_WARMUP:-}"
flag counter "${INPUT_COUNTER:-}"

# What the target prints must not be taken for commands of the workflow, and the
# target must not be told where the runner reads its commands from.
resume=$(random)
echo "::add-matcher::$scripts/problem-matcher.json"
echo "::stop-commands::$resume"
code=0
env -u GITHUB_OUTPUT -u GITHUB_ENV -u GITHUB_PATH -u GITHUB_STATE -u GITHUB_STEP_SUMMARY \
  PATH="$INSTALL_DIRECTORY:$PATH" "$INSTALL_DIRECTORY/gate" "${arguments[@]}" || code=$?
echo "::$resume::"

output directory "$out"
output exit-code "$code"
if [ ! -s "$out/result.json" ] || [ ! -s "$out/verdict.json" ]; then
  {
    echo '### gate: nothing was measured'
    echo
    echo 'Usage, configuration or environment is at fault; the log of the step says what and where.'
  } >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
  annotate error 'gate check measured nothing; the lines above say what is wrong and what to do'
  if [ "$code" -eq 0 ]; then code=3; fi
  exit "$code"
fi

# The verdict is of gate's own making and indented by it; still only values of
# the expected form become outputs.
while IFS='=' read -r name value; do
  output "$name" "$value"
done < <(awk -f "$scripts/verdict.awk" "$out/verdict.json")
output result "$out/result.json"
output report "$out/report.md"
echo "gate check ended with exit code $code"
