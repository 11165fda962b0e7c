package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/fivegate/fivegate/internal/toolcache"
)

// browserTools are what opens the pages.
type browserTools struct {
	node, chromium string // programs
	modules        string // the folder whose node_modules holds what package-lock.json pins
	pictures       string // where pictures of the pages are kept
}

// Folders, from the package's own.
const (
	browserFolder  = "testdata/browser"
	picturesFolder = "../../gate-out/screenshots" // git ignores it, make clean removes it
)

// Times after which something is taken to hang. Chosen: an installation takes
// seconds, the pages half a minute on two idle cores.
const (
	installTimeout = 2 * time.Minute
	browserTimeout = 5 * time.Minute
)

// errNoRegistry is an installation that failed for want of a registry.
var errNoRegistry = errors.New("the npm registry cannot be reached")

// findBrowserTools skips the test where a tool is missing, but not on CI, where
// a skipped test would pass for one that held.
func findBrowserTools(t *testing.T) browserTools {
	t.Helper()
	absent := func(reason string) {
		t.Helper()
		toolcache.Absent(t, "the report cannot be opened in a browser: "+reason)
	}
	var tools browserTools
	if tools.chromium = firstProgram("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"); tools.chromium == "" {
		absent("Chromium is not installed (Debian's package chromium)")
	}
	if tools.node = firstProgram("node"); tools.node == "" || firstProgram("npm") == "" {
		absent("Node.js with npm is not installed")
	}
	var err error
	switch tools.modules, err = installModules(t.Context()); {
	case errors.Is(err, errNoRegistry):
		absent(err.Error())
	case err != nil:
		t.Fatal(err)
	}
	if tools.pictures, err = filepath.Abs(filepath.FromSlash(picturesFolder)); err != nil {
		t.Fatal(err)
	}
	return tools
}

// firstProgram is the path of the first of the named programs that there is, or "".
func firstProgram(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// installModules installs what package-lock.json pins into a folder of its own
// in the user's cache, once for each content of the lock file.
func installModules(ctx context.Context) (string, error) {
	files := map[string][]byte{"package.json": nil, "package-lock.json": nil}
	for name := range files {
		var err error
		if files[name], err = os.ReadFile(filepath.Join(browserFolder, name)); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256(files["package-lock.json"])
	return toolcache.Dir(fmt.Sprintf("browser-%x", sum[:8]), func(dir string) error {
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				return err
			}
		}
		return npmCI(ctx, dir)
	})
}

// unreachable are npm's codes for a registry that does not answer.
var unreachable = regexp.MustCompile(`\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b`)

func npmCI(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil || unreachable.Match(out):
		return fmt.Errorf("npm ci: %w: %s", errNoRegistry, out)
	}
	return fmt.Errorf("npm ci: %w\n%s", err, out)
}

// open has one browser open all pages, and returns what is wrong with them.
func (b browserTools) open(t *testing.T, pages []browserPage) []browserFinding {
	t.Helper()
	if err := os.RemoveAll(b.pictures); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(b.pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	job, err := json.Marshal(map[string]any{"modules": b.modules, "chromium": b.chromium, "pictures": b.pictures, "pages": pages})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), browserTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.node, filepath.Join(browserFolder, "check.mjs"))
	// On a termination signal the script closes the browser before it ends.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(job), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("check.mjs: %v (%v)\n%s", err, ctx.Err(), stderr.String())
	}
	var answer struct{ Findings, Notes []browserFinding }
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
		t.Fatalf("check.mjs: %v: %.500s", err, stdout.String())
	}
	for _, note := range answer.Notes {
		t.Logf("%s %s: %s", note.Page, note.Visit, note.Detail)
	}
	t.Logf("pictures are in %s", b.pictures)
	return answer.Findings
}
