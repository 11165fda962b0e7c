package target

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// goServer is a small program with enough functions to shuffle.
const goServer = `package main

import ("net"; "os")

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil { panic(err) }
	for {
		conn, err := listener.Accept()
		if err != nil { panic(err) }
		answer(conn)
	}
}

func answer(conn net.Conn) {
	defer conn.Close()
	conn.Read(make([]byte, 1000))
	conn.Write([]byte("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nWORD"))
}
`

func goConfig() Config {
	return Config{
		Build: []string{"go", "build", "-o", "bin/server", "."}, Start: []string{"bin/server", "{port}"},
		Ready: "http://127.0.0.1:{port}/", ReadyTimeout: 30 * time.Second, Env: map[string]string{"CGO_ENABLED": "0"},
	}
}

func goFiles(word string) []string {
	return []string{"go.mod", "module example.com/server\n\ngo 1.26\n", "main.go", strings.Replace(goServer, "WORD", word, 1)}
}

func TestBuildGo(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Go programs")
	}
	dir, base := newRepository(t, goFiles("base")...)
	message := commit(t, dir)
	head := commit(t, dir, goFiles("head")...)
	t.Setenv("GATE_CACHE", t.TempDir())
	session := newTestSession(t, open(t, dir))
	seeds := []uint64{0, 7}
	var steps []int
	baseBuilds, err := session.Build(t.Context(), "base", base, goConfig(), seeds, func(done, total int) { steps = append(steps, done*10+total) })
	if err != nil {
		t.Fatal(err)
	}
	if len(baseBuilds) != 2 || !slices.Equal(steps, []int{2, 12, 22}) {
		t.Fatalf("%d builds, progress %v", len(baseBuilds), steps)
	}
	for i, b := range baseBuilds {
		if b.Layout != i || b.Seed != seeds[i] || b.Cached || b.Elapsed <= 0 || b.Commit != base || b.Arm != "base" {
			t.Errorf("build %+v", b)
		}
	}
	if baseBuilds[0].SHA256 == baseBuilds[1].SHA256 {
		t.Error("two layouts are the same bytes")
	}
	// The same files under another commit come from the cache; other ones do not.
	cached, err := session.Build(t.Context(), "text", message, goConfig(), seeds, nil)
	if err != nil || !cached[1].Cached || cached[1].SHA256 != baseBuilds[1].SHA256 || cached[1].Elapsed != 0 {
		t.Errorf("%+v, %v; want the bytes of %+v from the cache", cached, err, baseBuilds[1])
	}
	headBuilds, err := session.Build(t.Context(), "head", head, goConfig(), nil, nil)
	if err != nil || headBuilds[0].Cached || headBuilds[0].SHA256 == baseBuilds[0].SHA256 || len(headBuilds[0].Dir) != len(baseBuilds[0].Dir) ||
		len(headBuilds[0].Worktree) != len(cached[0].Worktree) {
		t.Errorf("head %+v, %v; base %+v", headBuilds, err, baseBuilds[0])
	}
	for word, build := range map[string]Build{"base": cached[1], "head": headBuilds[0]} {
		p, err := session.Start(t.Context(), LaunchSpec{Config: goConfig(), Build: build})
		if err != nil {
			t.Fatal(err)
		}
		if answer := get(t, "http://"+p.Addr()); !strings.HasSuffix(answer, word) {
			t.Errorf("%s answers %q", word, answer)
		}
	}
}

// The worktrees lie in different places and the commits differ; the program must not.
func TestEqualSourceGivesEqualBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Go programs")
	}
	dir, base := newRepository(t, goFiles("same")...)
	head := commit(t, dir, "README", "better\n")
	session := newTestSession(t, open(t, dir))
	var sums []string
	for arm, id := range map[string]string{"base": base, "head": head} {
		built, err := session.Build(t.Context(), arm, id, goConfig(), []uint64{5}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if built[0].Cached {
			t.Error("built from a cache that is off")
		}
		sums = append(sums, built[0].SHA256)
	}
	if sums[0] != sums[1] {
		t.Errorf("a change of the documentation changes the program: %v", sums)
	}
}

func TestBuildFailure(t *testing.T) {
	dir, first := newRepository(t, "make.sh", "#!/bin/sh\ni=0\nwhile [ $i -lt 40 ]; do i=$((i+1)); echo line $i; done\necho \"$1: undefined: x\" >&2\nexit 7\n")
	session := newTestSession(t, open(t, dir))
	cfg := Config{Build: []string{"./make.sh", "main.go:3"}, Start: []string{"bin/server"}}
	_, err := session.Build(t.Context(), "head", first, cfg, nil, nil)
	var failed *BuildError
	if !errors.As(err, &failed) || !strings.Contains(failed.Output, "line 1\n") {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"build head", "`./make.sh main.go:3`", "exit status 7", "| main.go:3: undefined: x", "11 lines before"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("cause is %v", failed.Unwrap())
	}
	cfg.Build = []string{"/no/such/compiler"}
	if _, err := session.Build(t.Context(), "head", first, cfg, nil, nil); err == nil || !strings.Contains(err.Error(), "/no/such/compiler") {
		t.Errorf("missing compiler: %v", err)
	}
	cfg.Build = []string{"true"}
	if _, err := session.Build(t.Context(), "head", first, cfg, nil, nil); err == nil || !strings.Contains(err.Error(), "artifact bin/server") || !strings.Contains(err.Error(), "set `artifacts`") {
		t.Errorf("missing artifact: %v", err)
	}
	cfg.Artifacts = []string{"../x"}
	if _, err := session.Build(t.Context(), "head", first, cfg, nil, nil); err == nil || !strings.Contains(err.Error(), "../x") {
		t.Errorf("artifact outside: %v", err)
	}
}

func TestBuildIsCancelled(t *testing.T) {
	dir, first := newRepository(t, "make.sh", "#!/bin/sh\necho compiling\nmkfifo wait\ncat wait & cat wait\n")
	session := newTestSession(t, open(t, dir))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := session.Build(ctx, "head", first, Config{Build: []string{"./make.sh"}, Start: []string{"bin/server"}}, nil, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stopped: ") || !strings.Contains(err.Error(), "| compiling") {
		t.Errorf("error %v", err)
	}
}

// A build that leaves a daemon behind has ended well; Close ends the daemon.
func TestBuildLeavesDaemon(t *testing.T) {
	dir, first := newRepository(t, "bin/server", "#!/bin/sh\n", "make.sh", "#!/bin/sh\nsleep 1000 &\necho $! >pid\n")
	session := newTestSession(t, open(t, dir))
	cfg := Config{Build: []string{"./make.sh"}, Start: []string{"bin/server"}, Artifacts: []string{"bin", "pid"}}
	built, err := session.Build(t.Context(), "head", first, cfg, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(built[0].Dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" && syscall.Kill(pid, 0) == nil {
		t.Errorf("daemon %d is still there", pid)
	}
}

// {layout} gives layouts to any toolchain; the cache takes only what is declared.
func TestBuildWithLayoutPlaceholder(t *testing.T) {
	dir, first := newRepository(t, "make.sh", "#!/bin/sh\nmkdir -p bin\necho \"$1 $FLAVOUR\" >bin/server\nchmod +x bin/server\necho built >>\"$LOG\"\n")
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv("LOG", log)
	t.Setenv("GATE_CACHE", t.TempDir())
	session := newTestSession(t, open(t, dir))
	cfg := Config{
		Build: []string{"./make.sh", "{layout}"}, Start: []string{"bin/server", "{port}"}, Artifacts: []string{"bin"},
		Env: map[string]string{"FLAVOUR": "v{layout}", "AT": "{data}/x"},
	}
	for range 2 {
		built, err := session.Build(t.Context(), "head", first, cfg, []uint64{3, 44}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(built[1].Dir, "bin/server"))
		if len(built) != 2 || string(text) != "44 v44\n" || err != nil {
			t.Errorf("second layout of %d: %q, %v", len(built), text, err)
		}
	}
	if text, err := os.ReadFile(log); string(text) != "built\nbuilt\n" || err != nil {
		t.Errorf("build ran: %q, %v; want once a layout", text, err)
	}

	cfg.Build, cfg.Env = []string{"./make.sh", "x"}, nil
	built, err := session.Build(t.Context(), "base", first, cfg, []uint64{3, 44}, nil)
	if err != nil || len(built) != 1 || built[0].Seed != 0 {
		t.Errorf("without {layout}: %+v, %v; want the linker's own order alone", built, err)
	}
	if notes := strings.Join(session.Notes(), "\n"); !strings.Contains(notes, "{layout} stands neither") {
		t.Errorf("notes %q", notes)
	}
}

func TestBuildWithoutCommand(t *testing.T) {
	dir, first := newRepository(t, "bin/server", "#!/bin/sh\nexec cat\n")
	session := newTestSession(t, open(t, dir))
	built, err := session.Build(t.Context(), "base", first, Config{Start: []string{"bin/server"}, Ready: ""}, []uint64{1, 2}, nil)
	if err != nil || len(built) != 1 {
		t.Fatalf("%+v, %v", built, err)
	}
	if text, err := os.ReadFile(filepath.Join(built[0].Dir, "bin/server")); err != nil || !bytes.Contains(text, []byte("exec cat")) {
		t.Errorf("artifact %q, %v", text, err)
	}
}

func TestCloseRemovesWorktrees(t *testing.T) {
	dir, first := newRepository(t, "bin/server", "#!/bin/sh\n")
	repository := open(t, dir)
	session := newTestSession(t, repository)
	for _, arm := range []string{"base", "head"} {
		if _, err := session.Build(t.Context(), arm, first, Config{Start: []string{"bin/server"}}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if list := run(t, dir, "git", "worktree", "list"); strings.Count(list, "\n") != 2 {
		t.Errorf("worktrees:\n%s", list)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	if list := run(t, dir, "git", "worktree", "list"); strings.Contains(list, "\n") {
		t.Errorf("worktrees after Close:\n%s", list)
	}
	if left, err := os.ReadDir(filepath.Join(dir, ".git", "worktrees")); len(left) > 0 {
		t.Errorf(".git/worktrees holds %v, %v", left, err)
	}
}

func TestSubmodules(t *testing.T) {
	inner, _ := newRepository(t, "lib", "inner\n")
	outer, _ := newRepository(t, "bin/server", "x")
	run(t, outer, "git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "third/party")
	with := commit(t, outer)
	build := func(dir string) ([]string, error) {
		session := newTestSession(t, open(t, dir))
		cfg := Config{Build: []string{"cat", "third/party/lib"}, Start: []string{"bin/server"}}
		_, err := session.Build(t.Context(), "head", with, cfg, nil, nil)
		return session.Notes(), err
	}
	if _, err := build(outer); err != nil {
		t.Errorf("local submodule: %v", err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	run(t, outer, "git", "clone", "-q", outer, clone)
	if _, err := build(clone); err == nil || !strings.Contains(err.Error(), "third/party") || !strings.Contains(err.Error(), "git submodule update --init") {
		t.Errorf("submodule that is not here: %v", err)
	}
}
