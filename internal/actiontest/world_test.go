package actiontest

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// actToken is long, since act masks it wherever it occurs.
const actToken = "ghs_a_token_that_is_not_one_0123456789"

// world is a consumer's repository with the starter workflows, a GitHub on the
// loopback, and act to run workflows.
type world struct {
	*runner
	hub     *hub
	action  string            // what the starter workflows call fivegate/fivegate@v1
	vars    map[string]string // more environment for the steps
	changes int               // of the pull request so far
}

// toyGate is the configuration of the toy: its program is a script that starts the
// reference store, so that a commit can make it slower, and equal scripts are equal
// builds.
const toyGate = `[target]
driver = "engram"
build = ["cp", "serve.sh", "built.sh"]
artifacts = ["built.sh"]
start = ["sh", "built.sh", "{port}", "{data}"]
ready = "http://127.0.0.1:{port}/health/alive"
[check]
scenario = "small.toml"
budget = "90s"
`

const serve = "exec gate refstore --port \"$1\" --data \"$2\" "

func newWorld(t *testing.T) *world {
	t.Helper()
	act.need(t)
	w := &world{runner: newRunner(t), hub: newHub(t), action: copyOfModule(t), vars: map[string]string{}}
	for _, dir := range []string{"artifacts", "home"} {
		if err := os.Mkdir(filepath.Join(w.dir, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	w.link("go")
	w.write("work/gate.toml", toyGate)
	w.write("work/small.toml", read(t, "cmd/gate/testdata/small.toml"))
	w.write("work/serve.sh", serve+"\n")
	for _, name := range []string{"gate-pr.yml", "gate-report.yml"} {
		w.write("work/.github/workflows/"+name, read(t, "cmd/gate/starter/"+name))
	}
	w.hub.files["gate.toml"] = toyGate
	w.git("init", "--quiet", "--initial-branch=main")
	w.git("remote", "add", "origin", "https://github.com/o/r.git") // only read by act
	w.commit("base")
	return w
}

// link puts a program of this machine on the PATH of the steps.
func (w *world) link(name string) {
	w.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.Symlink(path, filepath.Join(w.dir, "bin", name)); err != nil {
		w.t.Fatal(err)
	}
}

// change replaces a text in a workflow of the repository.
func (w *world) change(workflow, old, new string) {
	w.t.Helper()
	name := "work/.github/workflows/" + workflow
	text := w.read(name)
	if !strings.Contains(text, old) {
		w.t.Fatalf("%s does not contain %q", workflow, old)
	}
	w.write(name, strings.Replace(text, old, new, 1))
}

// pullRequest makes the branch of the pull request hold the script, merges it as
// GitHub does, leaves the merge checked out, and returns the head.
func (w *world) pullRequest(script, from string) string {
	w.t.Helper()
	w.git("checkout", "--quiet", "-B", "topic")
	w.write("work/serve.sh", script+"\n")
	w.changes++
	w.write("work/changes.txt", strings.Repeat("a change\n", w.changes))
	w.git("add", ".")
	w.git("commit", "--quiet", "-m", "change")
	head := w.git("rev-parse", "HEAD")
	w.git("checkout", "--quiet", "-B", "merged", "main")
	w.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.hub.pull = map[string]any{
		"number": 7, "state": "open",
		"head": map[string]any{"ref": "topic", "sha": head, "repo": repository(from)},
		"base": map[string]any{"ref": "main", "sha": w.git("rev-parse", "main"), "repo": repository("o/r")},
	}
	return head
}

func repository(name string) map[string]any {
	owner, short, _ := strings.Cut(name, "/")
	return map[string]any{"full_name": name, "name": short, "owner": map[string]any{"login": owner}}
}

// done is what act said of a run.
type done struct {
	t      *testing.T
	jobs   map[string]string // result by job
	log    string
	errors []string // annotations
}

// line is what act prints with --json, as far as it is read here.
type line struct {
	Message   string            `json:"msg"`
	Job       string            `json:"jobID"`
	JobResult string            `json:"jobResult"`
	Command   string            `json:"command"`
	Arg       string            `json:"arg"`
	Pairs     map[string]string `json:"kvPairs"`
}

// act runs a workflow for an event. Nothing of this process's environment gets into
// it but where Go keeps its caches.
func (w *world) act(event, workflow string, payload map[string]any, run string) done {
	w.t.Helper()
	text, err := json.Marshal(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	stubs, err := filepath.Abs(filepath.Join("testdata", "stubs"))
	if err != nil {
		w.t.Fatal(err)
	}
	args := []string{
		event, "-W", ".github/workflows/" + workflow, "-e", w.write("event.json", string(text)), "--json",
		"-P", "ubuntu-24.04=-self-hosted", "--no-cache-server", "--action-offline-mode", "--no-skip-checkout",
		"-s", "GITHUB_TOKEN=" + actToken,
		"--local-repository", own + "=" + w.action,
	}
	for _, uses := range stubbed(w.t) {
		name := strings.TrimPrefix(uses[:strings.IndexByte(uses, '@')], "actions/")
		args = append(args, "--local-repository", uses+"="+filepath.Join(stubs, name))
	}
	env := map[string]string{
		"GITHUB_API_URL": w.hub.server.URL, "GITHUB_GRAPHQL_URL": w.hub.server.URL + "/graphql",
		"GITHUB_RUN_ID": run, "GITHUB_RUN_ATTEMPT": "1",
		"STUB_REMOTE": w.work, "STUB_ARTIFACTS": filepath.Join(w.dir, "artifacts"),
	}
	for name, value := range w.vars {
		env[name] = value
	}
	for name, value := range env {
		args = append(args, "--env", name+"="+value)
	}
	cmd := exec.CommandContext(w.t.Context(), act.need(w.t), args...)
	cmd.Dir = w.work
	cmd.Env = []string{"HOME=" + filepath.Join(w.dir, "home"), "PATH=" + filepath.Join(w.dir, "bin"), "LANG=C.UTF-8", "TMPDIR=" + filepath.Join(w.dir, "temp")}
	cmd.Env = append(cmd.Env, goCaches(w.t)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return w.parse(out.Bytes())
}

func (w *world) parse(out []byte) done {
	d := done{t: w.t, jobs: map[string]string{}}
	var log strings.Builder
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		var l line
		if json.Unmarshal(s.Bytes(), &l) != nil {
			log.WriteString(s.Text() + "\n")
			continue
		}
		log.WriteString(strings.TrimSuffix(l.Message, "\n") + "\n")
		if l.JobResult != "" {
			d.jobs[l.Job] = l.JobResult
		}
		if l.Command == "error" {
			d.errors = append(d.errors, l.Arg)
		}
	}
	d.log = log.String()
	return d
}

// results asserts how each job ended; a job that act has skipped has no result.
func (d done) results(want map[string]string) {
	d.t.Helper()
	for job, result := range want {
		if d.jobs[job] != result {
			d.t.Fatalf("job %s ended with %q, want %q; all: %v\n%s", job, d.jobs[job], result, d.jobs, d.log)
		}
	}
}

// says asserts that the log holds some words.
func (d done) says(words ...string) {
	d.t.Helper()
	for _, w := range words {
		if !strings.Contains(d.log, w) {
			d.t.Errorf("the log does not say %q:\n%s", w, d.log)
		}
	}
}

var saidVerdict = regexp.MustCompile(`(?m)^ *"verdict": "([a-z]+)",$`)

// verdict is what gate publish has said in the run.
func (d done) verdict() string {
	if m := saidVerdict.FindStringSubmatch(d.log); m != nil {
		return m[1]
	}
	return ""
}

// stubbed are the actions that the starter workflows use of others.
func stubbed(t *testing.T) []string {
	seen := map[string]bool{}
	var all []string
	for _, name := range consumers(t) {
		d, err := parse(name, read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range d.steps() {
			if uses := s.Uses.Value; uses != "" && uses != own && !seen[uses] {
				seen[uses] = true
				all = append(all, uses)
			}
		}
	}
	return all
}

// goCaches let a build from source find what is compiled and downloaded already.
func goCaches(t *testing.T) []string {
	t.Helper()
	names := []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB"}
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for i, value := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		env = append(env, names[i]+"="+value)
	}
	return env
}

// pack makes the archive of an artifact that was uploaded, as GitHub hands it out.
func (w *world) pack(name string, forged map[string]string) {
	w.t.Helper()
	dir := filepath.Join(w.dir, "artifacts", name)
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		w.t.Fatalf("nothing was uploaded: %v", err)
	}
	for _, e := range entries {
		files[e.Name()] = w.read(filepath.Join("artifacts", name, e.Name()))
	}
	for file, text := range forged {
		files[file] = text
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for file, text := range files {
		f, err := z.Create(file)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.write("artifacts/"+name+".zip", archive.String())
}
