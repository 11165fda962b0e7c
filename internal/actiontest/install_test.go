package actiontest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// releasedGate is a program that knows its version; the tests of installing need no
// more of gate.
const releasedGate = "#!/bin/sh\necho gate v1.2.3 go1.26.8 linux/amd64 0123abc\n"

// fakeGo writes down how it is called, and "builds" a gate.
const fakeGo = `#!/bin/sh
echo "$@ in $PWD, GOTOOLCHAIN=$GOTOOLCHAIN GOFLAGS=$GOFLAGS CGO_ENABLED=$CGO_ENABLED" >>"$HOME/go-calls"
case "$1" in
version) echo go version go1.26.8 linux/amd64 ;;
build)
  while [ "$1" != -o ]; do shift; done
  printf '#!/bin/sh\necho gate built\n' >"$2" && chmod +x "$2" ;;
esac
`

const asset = "gate_v1.2.3_linux_amd64"

// releases serves one release, and tells how often it was asked.
func releases(t *testing.T, program string) (url string, asked *int) {
	t.Helper()
	asked = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		if r.URL.Path != "/v1.2.3/"+asset {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(program))
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// pins writes a checksums.txt for a program.
func (r *runner) pins(program string) {
	sum := sha256.Sum256([]byte(program))
	r.set("GATE_CHECKSUMS", r.write("checksums.txt", "# a comment\n"+hex.EncodeToString(sum[:])+"  "+asset+"\n"))
}

func (r *runner) installed(source, version string) string {
	r.t.Helper()
	o := r.outputs()
	if o["source"] != source || o["version"] != version {
		r.t.Errorf("installed %q from %q, want %q from %q", o["version"], o["source"], version, source)
	}
	if _, err := os.Stat(filepath.Join(o["directory"], "gate")); err != nil {
		r.t.Error(err)
	}
	return o["directory"]
}

func TestInstallFromRelease(t *testing.T) {
	url, asked := releases(t, releasedGate)
	r := newRunner(t).set("GATE_RELEASES_URL", url)
	r.pins(releasedGate)
	r.ends("install.sh", 0, "gate v1.2.3 from "+url)
	cache := filepath.Join(r.dir, "tools", "gate", "v1.2.3", "amd64")
	if dir := r.installed(url+"/v1.2.3/"+asset, "v1.2.3"); dir != cache {
		t.Errorf("it lies in %s, want the tool cache", dir)
	}

	r.ends("install.sh", 0, "from the tool cache")
	if r.installed("the tool cache", "v1.2.3"); *asked != 1 {
		t.Errorf("%d downloads, want one", *asked)
	}

	// A cached file that somebody has changed is not run, and nothing else is tried.
	r.write("tools/gate/v1.2.3/amd64/gate", releasedGate+"# changed\n")
	r.write("bin/go", fakeGo)
	r.ends("install.sh", 3, "::error", "empty the cache")
	if *asked != 1 || r.read("go-calls") != "" {
		t.Error("something else was tried after a file with another sha256")
	}
}

// A download that is not what was pinned is a fault, not a reason to build.
func TestInstallRefusesAnotherProgram(t *testing.T) {
	url, _ := releases(t, releasedGate+"# changed\n")
	r := newRunner(t).set("GATE_RELEASES_URL", url)
	r.pins(releasedGate)
	r.write("bin/go", fakeGo)
	r.ends("install.sh", 3, "do not run it")
	if r.read("go-calls") != "" {
		t.Error("it was built instead")
	}
	if left, _ := filepath.Glob(filepath.Join(r.dir, "tools", "*")); len(left) > 0 {
		t.Errorf("left in the tool cache: %v", left)
	}
}

func TestInstallFromSource(t *testing.T) {
	r := newRunner(t).set("GATE_CHECKSUMS", os.DevNull, "GITHUB_ACTION_REF", "v1")
	r.write("bin/go", fakeGo)
	r.ends("install.sh", 0)
	r.installed("source", "built")
	calls := r.read("go-calls")
	for _, words := range []string{"-trimpath", "main.version=v1", "in " + module(t), "GOTOOLCHAIN=local", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0"} {
		if !strings.Contains(calls, words) {
			t.Errorf("go was called without %q: %s", words, calls)
		}
	}
	// A ref is a name that others chose.
	r.set("GITHUB_ACTION_REF", "v1 -X main.main=evil")
	r.ends("install.sh", 0)
	if calls := strings.TrimPrefix(r.read("go-calls"), calls); strings.Contains(calls, "evil") {
		t.Errorf("go was called with %s", calls)
	}
}

func TestInstallFallsBackToSource(t *testing.T) {
	url, asked := releases(t, "")
	r := newRunner(t).set("GATE_RELEASES_URL", url+"/gone")
	r.pins(releasedGate)
	r.write("bin/go", fakeGo)
	r.ends("install.sh", 0, "built from source")
	if r.installed("source", "built"); *asked == 0 {
		t.Error("no download was tried")
	}
}

func TestInstallFromPath(t *testing.T) {
	r := newRunner(t).set("GATE_CHECKSUMS", os.DevNull)
	path := r.write("bin/gate", releasedGate)
	for _, env := range [][]string{{"INPUT_INSTALL", "none"}, {"INPUT_INSTALL", "none", "INPUT_VERSION", "v1.2.3"}, {"INPUT_INSTALL", "auto", "INPUT_VERSION", "v1.2.3"}} {
		r.set(env...)
		r.ends("install.sh", 0)
		if dir := r.installed("the PATH", "v1.2.3"); dir != filepath.Dir(path) {
			t.Errorf("it lies in %s, want %s", dir, filepath.Dir(path))
		}
	}
}

func TestInstallFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  []string
		says []string
	}{
		{"no Go", nil, []string{"there is no release yet", "Go is not on the PATH", "actions/setup-go"}},
		{"no gate", []string{"INPUT_INSTALL", "none"}, []string{"no gate is on the PATH"}},
		{"no release", []string{"INPUT_INSTALL", "binary"}, []string{"there is no release yet"}},
		{"version is not listed", []string{"INPUT_VERSION", "v7.0.0"}, []string{"checksums.txt has no gate_v7.0.0_linux_amd64", "v7.0.0 was asked for"}},
		{"version is not one", []string{"INPUT_VERSION", "v1; touch x"}, []string{"a version looks like v1.2.3"}},
		{"version of two lines", []string{"INPUT_VERSION", "v1.2.3\nv1.2.4"}, []string{"a version looks like v1.2.3"}},
		{"way", []string{"INPUT_INSTALL", "magic"}, []string{`input install is "magic"`, "auto binary source none"}},
		{"mode", []string{"INPUT_MODE", "measure"}, []string{`input mode is "measure"`}},
		{"system", []string{"RUNNER_OS", "Windows"}, []string{"Linux or macOS"}},
		{"architecture", []string{"RUNNER_ARCH", "ARM"}, []string{"x64 or arm64"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRunner(t).set("GATE_CHECKSUMS", os.DevNull).set(tt.env...)
			out := r.ends("install.sh", 3, append(tt.says, "::error title=gate::")...)
			if n := strings.Count(out, "::error"); n != 1 {
				t.Errorf("%d errors, want one:\n%s", n, out)
			}
			if left, _ := filepath.Glob(filepath.Join(r.work, "*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// What was committed to checksums.txt has the documented form.
func TestChecksumsAreWellFormed(t *testing.T) {
	for i, line := range strings.Split(strings.TrimSpace(read(t, "scripts/checksums.txt")), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		sum, name, _ := strings.Cut(line, "  ")
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size || strings.Count(name, "_") != 3 || !strings.HasPrefix(name, "gate_v") {
			t.Errorf("line %d is %q", i+1, line)
		}
	}
}

// What the action installs for a while is gone at the end; what was measured stays.
func TestCleanUp(t *testing.T) {
	r := newRunner(t)
	r.write("temp/gate-install-abc/gate", releasedGate)
	kept := r.write("temp/gate-check-abc/result.json", "{}")
	r.ends("clean.sh", 0, "::remove-matcher owner=gate::")
	if left, _ := filepath.Glob(filepath.Join(r.dir, "temp", "gate-install-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	r.ends("clean.sh", 0) // again, with nothing to do
}
