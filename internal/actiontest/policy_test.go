package actiontest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// own is how the starter workflows name this action; gate init puts the commit or
// the release of its own build in its place.
const own = "fivegate/fivegate@v1"

// consumers are the workflows that this repository hands out.
func consumers(t testing.TB) []string {
	return append(glob(t, "cmd/gate/starter/*.yml"), glob(t, "docs/examples/*.yml")...)
}

// policies are what must hold of a document; each returns what is wrong with it.
var policies = map[string]func(*document) []string{
	"expressions":      noExpressionInScripts,
	"pins":             actionsArePinned,
	"permissions":      permissionsAreSmall,
	"limits":           jobsAreLimited,
	"credentials":      credentialsAreNotKept,
	"triggers":         triggersAreSafe,
	"workflow run":     reporterRunsNothing,
	"own machines":     ownMachinesAreOutOfReach,
	"runners":          runnersArePinned,
	"images":           imagesArePinned,
	"caches":           noCaches,
	"composite":        compositeStepsAreScripts,
	"inputs":           inputsAreDeclared,
	"result of needed": jobsThatNeedOthersLook,
}

// violations are what all policies say of a document, sorted.
func violations(d *document) []string {
	var all []string
	for name, policy := range policies {
		for _, v := range policy(d) {
			all = append(all, name+": "+v)
		}
	}
	slices.Sort(all)
	return all
}

// documents are all workflows and actions that this repository has or hands out.
func documents(t *testing.T) []*document {
	t.Helper()
	var all []*document
	names := append(glob(t, ".github/workflows/*.yml"), consumers(t)...)
	texts := map[string]string{"action.yml": read(t, "action.yml")}
	for _, name := range names {
		texts[name] = read(t, name)
	}
	for _, name := range append(glob(t, "docs/*.md"), "README.md") {
		for i, b := range blocks(read(t, name)) {
			texts[fmt.Sprintf("%s, block %d", name, i+1)] = b.workflow()
		}
	}
	for name, text := range texts {
		if text == "" {
			continue
		}
		d, err := parse(name, text)
		if err != nil {
			t.Error(err)
			continue
		}
		all = append(all, d)
	}
	if len(all) < 8 {
		t.Fatalf("only %d documents were found", len(all))
	}
	return all
}

func TestPolicies(t *testing.T) {
	for _, d := range documents(t) {
		for _, v := range violations(d) {
			t.Errorf("%s: %s", d.name, v)
		}
	}
}

func noExpressionInScripts(d *document) (wrong []string) {
	for _, s := range d.steps() {
		if strings.Contains(s.Run, "${{") || strings.Contains(s.With["script"], "${{") {
			wrong = append(wrong, fmt.Sprintf("step %q has an expression in its script: pass it through env", s.title()))
		}
	}
	return wrong
}

var (
	pinned  = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+@[0-9a-f]{40}$`)
	comment = regexp.MustCompile(`^# v[0-9]+\.[0-9]+\.[0-9]+$`)
)

func actionsArePinned(d *document) (wrong []string) {
	for _, s := range d.steps() {
		uses, handedOut := s.Uses.Value, !strings.HasPrefix(d.name, ".github/") && d.name != "action.yml"
		switch {
		case uses == "", uses == "./", uses == "$/", uses == own && handedOut:
		case !pinned.MatchString(uses):
			wrong = append(wrong, fmt.Sprintf("%s is not pinned by a full commit id", uses))
		case !comment.MatchString(strings.TrimSpace(s.Uses.LineComment)):
			wrong = append(wrong, fmt.Sprintf("%s has no comment with its version, such as # v1.2.3", uses))
		}
	}
	return wrong
}

func permissionsAreSmall(d *document) (wrong []string) {
	if d.isAction() {
		return nil
	}
	p := d.workflow.Permissions
	if p.Kind != yaml.MappingNode || len(p.Content) > 0 {
		wrong = append(wrong, "the workflow's own permissions are not {}")
	}
	untrusted := slices.Contains(d.triggers(), "pull_request")
	for name, j := range d.workflow.Jobs {
		if j.Permissions.Kind != yaml.MappingNode {
			wrong = append(wrong, fmt.Sprintf("job %s does not list its permissions", name))
			continue
		}
		for i := 0; i < len(j.Permissions.Content); i += 2 {
			scope, level := j.Permissions.Content[i].Value, j.Permissions.Content[i+1]
			if level.LineComment == "" {
				wrong = append(wrong, fmt.Sprintf("job %s does not say why it needs %s: %s", name, scope, level.Value))
			}
			if untrusted && level.Value == "write" {
				wrong = append(wrong, fmt.Sprintf("job %s can write %s while it runs a pull request's code", name, scope))
			}
		}
	}
	return wrong
}

func jobsAreLimited(d *document) (wrong []string) {
	if d.isAction() {
		return nil
	}
	if d.workflow.Concurrency.IsZero() {
		wrong = append(wrong, "the workflow has no concurrency")
	}
	for name, j := range d.workflow.Jobs {
		if j.TimeoutMinutes < 1 || j.TimeoutMinutes > 120 {
			wrong = append(wrong, fmt.Sprintf("job %s has no timeout-minutes between 1 and 120", name))
		}
	}
	return wrong
}

func credentialsAreNotKept(d *document) (wrong []string) {
	for _, s := range d.steps() {
		if strings.HasPrefix(s.Uses.Value, "actions/checkout@") && s.With["persist-credentials"] != "false" {
			wrong = append(wrong, fmt.Sprintf("step %q does not have persist-credentials: false", s.title()))
		}
	}
	walk(d.root, func(n *yaml.Node) {
		if strings.Contains(n.Value, "secrets.") {
			wrong = append(wrong, fmt.Sprintf("line %d uses a secret", n.Line))
		}
	})
	return wrong
}

func triggersAreSafe(d *document) (wrong []string) {
	for _, event := range d.triggers() {
		if slices.Contains([]string{"pull_request_target", "issue_comment", "pull_request_review", "pull_request_review_comment"}, event) {
			wrong = append(wrong, "the event "+event+" gives strangers a run with a token that can write")
		}
	}
	walk(&d.workflow.On, func(n *yaml.Node) {
		if n.Value == "paths" || n.Value == "paths-ignore" {
			wrong = append(wrong, "a filter by paths leaves a required check pending for ever")
		}
	})
	return wrong
}

// reporterRunsNothing: what runs with a token that can write, after a run of a
// stranger, holds nothing of the stranger's.
func reporterRunsNothing(d *document) (wrong []string) {
	if !slices.Contains(d.triggers(), "workflow_run") {
		return nil
	}
	for _, s := range d.steps() {
		uses := s.Uses.Value
		if strings.Contains(uses, "checkout") || strings.HasPrefix(uses, "./") {
			wrong = append(wrong, fmt.Sprintf("step %q checks out or runs what is checked out", s.title()))
		}
		if strings.HasPrefix(uses, "actions/download-artifact@") && s.With["skip-decompress"] != "true" {
			wrong = append(wrong, fmt.Sprintf("step %q unpacks an artifact of a stranger", s.title()))
		}
		if s.Run != "" {
			wrong = append(wrong, fmt.Sprintf("step %q runs a script; only actions are allowed here", s.title()))
		}
	}
	for name, j := range d.workflow.Jobs {
		for _, condition := range []string{
			"github.event.workflow_run.event == 'pull_request'",
			"github.event.workflow_run.path == '.github/workflows/",
			"github.event.workflow_run.repository.full_name == github.repository",
		} {
			if !strings.Contains(j.If, condition) {
				wrong = append(wrong, fmt.Sprintf("job %s does not ask for %s", name, condition))
			}
		}
	}
	return wrong
}

// ownMachinesAreOutOfReach: labels are no boundary, and still no workflow that a
// pull request can start names a machine of our own.
func ownMachinesAreOutOfReach(d *document) (wrong []string) {
	trusted := []string{"push", "workflow_dispatch", "schedule"}
	for name, j := range d.workflow.Jobs {
		if !slices.Contains(j.RunsOn, "self-hosted") {
			continue
		}
		for _, event := range d.triggers() {
			if !slices.Contains(trusted, event) {
				wrong = append(wrong, fmt.Sprintf("job %s runs on a machine of our own for the event %s", name, event))
			}
		}
	}
	return wrong
}

func runnersArePinned(d *document) (wrong []string) {
	for name, j := range d.workflow.Jobs {
		if len(j.RunsOn) == 0 {
			wrong = append(wrong, fmt.Sprintf("job %s has no runs-on", name))
		}
		for _, label := range j.RunsOn {
			if strings.HasSuffix(label, "-latest") || strings.HasSuffix(label, "-slim") {
				wrong = append(wrong, fmt.Sprintf("job %s runs on %s, which changes or is too small to measure on", name, label))
			}
		}
	}
	return wrong
}

func imagesArePinned(d *document) (wrong []string) {
	check := func(image string) {
		if image != "" && !regexp.MustCompile(`@sha256:[0-9a-f]{64}$`).MatchString(image) {
			wrong = append(wrong, fmt.Sprintf("image %s is not pinned by its digest", image))
		}
	}
	for _, j := range d.workflow.Jobs {
		for _, n := range []*yaml.Node{&j.Container, &j.Services} {
			if n.Kind == yaml.ScalarNode {
				check(n.Value)
			}
			walk(n, func(n *yaml.Node) {
				if image := child(n, "image"); image != nil {
					check(image.Value)
				}
			})
		}
	}
	for _, s := range d.steps() {
		if image, ok := strings.CutPrefix(s.Uses.Value, "docker://"); ok {
			check(image)
		}
	}
	return wrong
}

// noCaches: a cache that one run writes is one that it can poison for the next.
func noCaches(d *document) (wrong []string) {
	for _, s := range d.steps() {
		uses := s.Uses.Value
		if strings.HasPrefix(uses, "actions/cache") || strings.HasPrefix(uses, "actions/setup-go@") && s.With["cache"] != "false" {
			wrong = append(wrong, fmt.Sprintf("step %q uses a cache", s.title()))
		}
	}
	return wrong
}

var script = regexp.MustCompile(`^bash "\$GITHUB_ACTION_PATH/scripts/[a-z]+\.sh"$`)

func compositeStepsAreScripts(d *document) (wrong []string) {
	if !d.isAction() {
		return nil
	}
	for _, s := range d.action.Runs.Steps {
		if s.Run == "" {
			continue
		}
		if s.Shell != "bash" {
			wrong = append(wrong, fmt.Sprintf("step %q has no shell: bash", s.title()))
		}
		if !script.MatchString(strings.TrimSpace(s.Run)) {
			wrong = append(wrong, fmt.Sprintf("step %q is more than the call of a script", s.title()))
		}
	}
	last := d.action.Runs.Steps[len(d.action.Runs.Steps)-1]
	if strings.ReplaceAll(last.If, " ", "") != "${{always()}}" {
		wrong = append(wrong, "the last step does not clean up with if: always()")
	}
	return wrong
}

var inputUse = regexp.MustCompile(`inputs\.([A-Za-z0-9_-]+)`)

func inputsAreDeclared(d *document) (wrong []string) {
	if !d.isAction() {
		return nil
	}
	used := map[string]bool{}
	walk(d.root, func(n *yaml.Node) {
		for _, m := range inputUse.FindAllStringSubmatch(n.Value, -1) {
			used[m[1]] = true
			if _, ok := d.action.Inputs[m[1]]; !ok {
				wrong = append(wrong, fmt.Sprintf("line %d uses the input %s, which is not declared", n.Line, m[1]))
			}
		}
	})
	for name, in := range d.action.Inputs {
		switch {
		case !used[name]:
			wrong = append(wrong, "the input "+name+" is used nowhere")
		case !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(name):
			wrong = append(wrong, "the input "+name+" is not lower-case words with dashes")
		case in.Description == "" || in.Required == nil || !*in.Required && in.Default == nil:
			wrong = append(wrong, "the input "+name+" has no description, required or default")
		}
	}
	for _, s := range d.action.Runs.Steps {
		for variable, value := range s.Env {
			if m := inputUse.FindStringSubmatch(value); m != nil && strings.HasPrefix(variable, "INPUT_") &&
				variable != "INPUT_"+strings.ToUpper(strings.ReplaceAll(m[1], "-", "_")) {
				wrong = append(wrong, fmt.Sprintf("%s holds the input %s", variable, m[1]))
			}
		}
	}
	return wrong
}

// jobsThatNeedOthersLook: a job whose needs failed is skipped, and a skipped check
// counts as passed. So the job that stands for all runs always and looks at their
// results. One that it needs may be skipped.
func jobsThatNeedOthersLook(d *document) (wrong []string) {
	if !slices.Contains(d.triggers(), "pull_request") {
		return nil
	}
	needed := map[string]bool{}
	for _, j := range d.workflow.Jobs {
		for _, name := range j.Needs {
			needed[name] = true
		}
	}
	for name, j := range d.workflow.Jobs {
		if len(j.Needs) == 0 || needed[name] {
			continue
		}
		looks := slices.ContainsFunc(j.Steps, func(s step) bool { return s.Env["RESULTS"] == "${{ join(needs.*.result, ' ') }}" })
		if strings.ReplaceAll(j.If, " ", "") != "${{always()}}" || !looks {
			wrong = append(wrong, fmt.Sprintf("job %s is skipped, which counts as passed, when what it needs fails", name))
		}
		if len(j.Needs) != len(d.workflow.Jobs)-1 {
			wrong = append(wrong, fmt.Sprintf("job %s does not need every other job", name))
		}
	}
	return wrong
}
