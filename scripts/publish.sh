#!/usr/bin/env bash
# Runs gate publish with the action's inputs and ends as the combined verdict and
# fail-on ask for.
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$scripts/lib.sh"

cd -- "${INPUT_WORKING_DIRECTORY:-.}" || die "working-directory \"$INPUT_WORKING_DIRECTORY\" cannot be entered: check out the repository first"
gate=$INSTALL_DIRECTORY/gate
fail_on=${INPUT_FAIL_ON:-}
one_of fail-on "$fail_on" '' regression inconclusive never

arguments=(publish --json)
# flag NAME VALUE passes a value on when there is one.
flag() {
  if [ -n "$2" ]; then arguments+=("--$1=$2"); fi
}
# flags NAME VALUES passes each line of a list on by itself.
flags() {
  local line
  while IFS= read -r line; do
    flag "$1" "$line"
  done <<<"$2"
}
artifact=${INPUT_ARTIFACT:-}
if [ -d "$artifact" ]; then
  # What downloads an artifact chooses the file's name.
  only=''
  while IFS= read -r file; do
    if [ -n "$only" ]; then die "artifact: $artifact has more than one file"; fi
    only=$file
  done < <(find "$artifact" -mindepth 1 -maxdepth 1 -type f)
  artifact=$only
fi
if [ -n "${INPUT_ARTIFACT:-}" ] && [ ! -f "$artifact" ]; then
  # The job that was to measure has failed, and says why itself.
  echo 'gate: that run has left no result to report' >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
  annotate notice 'that run has left no result to report: it failed before anything was measured'
  output exit-code 3
  if [ "$fail_on" = never ]; then exit 0; fi
  exit 3
fi
flag artifact "$artifact"
flag combine "${INPUT_COMBINE:-}"
flag workflow "${INPUT_WORKFLOW:-}"
flag comment "${INPUT_COMMENT:-}"
flag comment-tag "${INPUT_COMMENT_TAG:-}"
flag check-run "${INPUT_CHECK_RUN:-}"
flag summary "${INPUT_SUMMARY:-}"
flag annotations "${INPUT_ANNOTATIONS:-}"
flags require "${INPUT_REQUIRE:-}"
flags optional "${INPUT_OPTIONAL:-}"
flag waivers "${INPUT_WAIVERS:-}"
flag report-url "${INPUT_REPORT_URL:-}"

# What was measured in this job, or the documents that the workflow names.
documents=()
if [ -n "${MEASURED:-}" ]; then
  documents+=("$MEASURED")
else
  while IFS= read -r line; do
    if [ -n "$line" ]; then documents+=("$line"); fi
  done <<<"${INPUT_RESULTS:-}"
fi
if [ "${#documents[@]}" -gt 0 ]; then
  arguments+=(-- "${documents[@]}")
fi

if [ -n "${GITHUB_TOKEN:-}" ]; then
  echo "::add-mask::$GITHUB_TOKEN"
fi
code=0
said=$("$gate" "${arguments[@]}") || code=$?
printf '%s\n' "$said"

# member PATTERN prints the value of a member of what publish said; gate indents it,
# so that no text in it can pass for a line of its own.
member() {
  sed -n "s/^  \"$1\": \"\{0,1\}\($2\)\"\{0,1\},\{0,1\}\$/\1/p" <<<"$said"
}
verdict=$(member verdict '[a-z][a-z]*')
blocks=$(member blocks_merge '[a-z][a-z]*')
output exit-code "$code"
output verdict "${verdict:-invalid}"
output blocks-merge "${blocks:-true}"
output comment-id "$(member comment_id '[1-9][0-9]*')"

case "$code" in
  0) meaning='pass' ;;
  1) meaning='regression: head is slower than the threshold allows' ;;
  2) meaning='regression against a rival' ;;
  4) meaning='inconclusive: the check could not tell' ;;
  *) meaning='invalid: measurement, usage, configuration or environment is at fault' ;;
esac
fails=$code
case "$fail_on:$code:${blocks:-true}" in
  regression:4:* | :4:false) fails=0 ;;
esac
if [ "$fail_on" = never ] && [ -n "$verdict" ]; then fails=0; fi
if [ "$fails" -ne "$code" ]; then
  meaning="$meaning; it does not fail this step (fail-on: ${fail_on:-on_inconclusive of gate.toml})"
fi
echo "exit code $code: $meaning"
exit "$fails"
