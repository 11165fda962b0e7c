package actiontest

import (
	"slices"
	"strings"
	"testing"
)

// sound is a workflow with which all policies are content; the rows below break
// it in one place each.
const sound = `name: x
on: [pull_request]
permissions: {}
concurrency: x
jobs:
  one:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read # to check out
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: echo "$TITLE"
        env:
          TITLE: ${{ github.event.pull_request.title }}
  all:
    needs: [one]
    if: ${{ always() }}
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {}
    steps:
      - run: '[ "$RESULTS" = success ]'
        env:
          RESULTS: ${{ join(needs.*.result, ' ') }}
`

// reporter is a workflow that may write, with which all policies are content.
const reporter = `name: x
on:
  workflow_run:
    workflows: [y]
permissions: {}
concurrency: x
jobs:
  one:
    if: >-
      ${{ github.event.workflow_run.event == 'pull_request'
      && github.event.workflow_run.path == '.github/workflows/y.yml'
      && github.event.workflow_run.repository.full_name == github.repository }}
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      pull-requests: write # the comment
    steps:
      - uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1
        with:
          skip-decompress: true
      - uses: $/
`

const composite = `name: x
description: x
inputs:
  fail-on:
    description: x
    required: false
    default: ""
runs:
  using: composite
  steps:
    - run: bash "$GITHUB_ACTION_PATH/scripts/x.sh"
      shell: bash
      env:
        INPUT_FAIL_ON: ${{ inputs.fail-on }}
    - run: bash "$GITHUB_ACTION_PATH/scripts/clean.sh"
      if: ${{ always() }}
      shell: bash
`

// Each policy must find what it is there for; one that finds nothing would hold of
// everything.
func TestPoliciesFindWhatIsWrong(t *testing.T) {
	for name, text := range map[string]string{"sound": sound, "reporter": reporter, "composite": composite} {
		d, err := parse(".github/"+name, text)
		if err != nil {
			t.Fatal(err)
		}
		if v := violations(d); len(v) > 0 {
			t.Errorf("%s: %q", name, v)
		}
	}
	for _, tt := range []struct {
		policy, text, old, new string
	}{
		{"expressions", sound, `echo "$TITLE"`, `echo "${{ github.event.pull_request.title }}"`},
		{"expressions", composite, `"$GITHUB_ACTION_PATH/scripts/x.sh"`, `"${{ github.action_path }}/scripts/x.sh"`},
		{"pins", sound, "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7"},
		{"pins", sound, "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@3d3c42e"},
		{"pins", sound, " # v7.0.1", ""},
		{"pins", sound, " # v7.0.1", " # the newest"},
		{"pins", reporter, "$/", own},
		{"permissions", sound, "permissions: {}\nconcurrency", "concurrency"},
		{"permissions", sound, "permissions: {}\nconcurrency", "permissions: read-all\nconcurrency"},
		{"permissions", sound, "permissions: {}\nconcurrency", "permissions:\n  contents: read\nconcurrency"},
		{"permissions", sound, "    permissions: {}\n    steps", "    steps"},
		{"permissions", sound, " # to check out", ""},
		{"permissions", sound, "contents: read", "contents: write"},
		{"limits", sound, "concurrency: x\n", ""},
		{"limits", sound, "    timeout-minutes: 5\n    permissions:\n", "    permissions:\n"},
		{"limits", sound, "timeout-minutes: 5", "timeout-minutes: 360"},
		{"credentials", sound, "persist-credentials: false", "fetch-depth: 0"},
		{"credentials", sound, "persist-credentials: false", "persist-credentials: true"},
		{"credentials", sound, "github.event.pull_request.title", "secrets.TOKEN"},
		{"triggers", sound, "[pull_request]", "pull_request_target"},
		{"triggers", sound, "[pull_request]", "[pull_request, issue_comment]"},
		{"triggers", sound, "[pull_request]", "{pull_request: {paths: [src]}}"},
		{"workflow run", reporter, "actions/download-artifact", "actions/checkout"},
		{"workflow run", reporter, "$/", "./"},
		{"workflow run", reporter, "skip-decompress: true", "path: x"},
		{"workflow run", reporter, "- uses: $/", "- run: unzip x"},
		{"workflow run", reporter, "github.event.workflow_run.path ==", "github.event.workflow_run.name =="},
		{"workflow run", reporter, "github.event.workflow_run.event ==", "github.event_name =="},
		{"own machines", sound, "runs-on: ubuntu-24.04", "runs-on: [self-hosted, perf]"},
		{"own machines", reporter, "runs-on: ubuntu-24.04", "runs-on: self-hosted"},
		{"runners", sound, "ubuntu-24.04", "ubuntu-latest"},
		{"runners", sound, "ubuntu-24.04", "ubuntu-slim"},
		{"images", sound, "    steps:\n      - uses", "    container: neo4j:5\n    steps:\n      - uses"},
		{"images", sound, "    steps:\n      - uses", "    services: {db: {image: neo4j:5}}\n    steps:\n      - uses"},
		{"images", sound, "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "docker://alpine:3"},
		{"caches", sound, "actions/checkout@", "actions/cache@"},
		{"caches", sound, "actions/checkout@", "actions/setup-go@"},
		{"composite", composite, "      shell: bash\n      env", "      env"},
		{"composite", composite, `bash "$GITHUB_ACTION_PATH/scripts/x.sh"`, "echo hello"},
		{"composite", composite, "${{ always() }}", "${{ success() }}"},
		{"inputs", composite, "inputs.fail-on", "inputs.failon"},
		{"inputs", composite, "${{ inputs.fail-on }}", "x"},
		{"inputs", composite, "fail-on", "failOn"},
		{"inputs", composite, `    default: ""` + "\n", ""},
		{"inputs", composite, "    required: false\n", ""},
		{"inputs", composite, "INPUT_FAIL_ON", "INPUT_FAIL"},
		{"result of needed", sound, "    if: ${{ always() }}\n", ""},
		{"result of needed", sound, "if: ${{ always() }}", "if: ${{ success() }}"},
		{"result of needed", sound, "join(needs.*.result, ' ')", "needs.one.result"},
	} {
		if !strings.Contains(tt.text, tt.old) {
			t.Errorf("%q is not in the text", tt.old)
			continue
		}
		d, err := parse(".github/x.yml", strings.Replace(tt.text, tt.old, tt.new, 1))
		if err != nil {
			t.Errorf("%s, %q: %v", tt.policy, tt.new, err)
			continue
		}
		found := violations(d)
		if !slices.ContainsFunc(found, func(v string) bool { return strings.HasPrefix(v, tt.policy+": ") }) {
			t.Errorf("%s does not mind %q for %q; found: %q", tt.policy, tt.new, tt.old, found)
		}
	}
}
