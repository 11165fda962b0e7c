package target

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeVariable makes the test binary a target, or a part of one, in place of
// running tests. Its value is the name of a role.
const fakeVariable = "FAKE_TARGET"

func TestMain(m *testing.M) {
	role := os.Getenv(fakeVariable)
	if role == "" {
		// Builds of the tests do not go to, or come from, the user's cache.
		os.Setenv("GATE_CACHE", "off")
		// A program with the race detector sleeps a second before it exits.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
		os.Exit(m.Run())
	}
	play, ok := roles[role]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such role:", role)
		os.Exit(2)
	}
	if err := play(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// roles take the arguments after the program; the first is the port.
var roles = map[string]func(args []string) error{
	"serve":    func(args []string) error { return serve(args[0]) },
	"never":    func([]string) error { fmt.Println("loading, and loading"); return pause() },
	"exit":     func([]string) error { fmt.Println("about to give up"); os.Exit(3); return nil },
	"moves":    moves,
	"unready":  unready,
	"says":     func([]string) error { fmt.Println("one\ntwo, ready to serve"); return pause() },
	"stubborn": func(args []string) error { signal.Ignore(syscall.SIGTERM); return serve(args[0]) },
	"forks":    func(args []string) error { return withChild(args[0], "sleeper", false) },
	"daemon":   func(args []string) error { return withChild(args[0], "deserter", true) },
	"deserter": desert,
	"sleeper":  sleep,
	"burns":    burns,
	"storms":   storms,
	"whiff":    func([]string) error { burn(4 * time.Millisecond); return nil },
	"burner":   func([]string) error { burn(300 * time.Millisecond); return nil },
	"gate":     fakeGate,
}

// child is another process of the fake target.
func child(role string, ownSession bool) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fakeVariable+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: ownSession}
	return cmd
}

// pause blocks until a signal ends the process.
func pause() error {
	for {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGHUP)
		<-signals
	}
}

func serve(port string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, os.Getpid())
	}))
}

// moves does what some servers do when their port is taken: it takes another.
func moves(args []string) error {
	if err := serve(args[0]); err != nil {
		fmt.Println(err)
	}
	return serve("0")
}

func unready(args []string) error {
	return http.ListenAndServe("127.0.0.1:"+args[0], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "still compacting", http.StatusServiceUnavailable)
	}))
}

// withChild serves once a sleeper, its child or its child's child, ignores SIGTERM.
func withChild(port, role string, ownSession bool) error {
	cmd := child(role, ownSession)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return err
	}
	if role == "deserter" {
		if err := cmd.Wait(); err != nil {
			return err
		}
	}
	return serve(port)
}

// desert leaves a sleeper behind, in a session of its own.
func desert([]string) error {
	cmd := child("sleeper", true)
	cmd.Stdout = os.Stdout
	return cmd.Start()
}

func sleep([]string) error {
	signal.Ignore(syscall.SIGTERM)
	fmt.Println("asleep")
	return pause()
}

// burns runs a child that burns CPU at each request, and answers when it has
// waited for it.
func burns(args []string) error {
	return http.ListenAndServe("127.0.0.1:"+args[0], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/burn" {
			return
		}
		if err := child("burner", false).Run(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
}

// storms answers a request when it has waited for many short children.
func storms(args []string) error {
	return http.ListenAndServe("127.0.0.1:"+args[0], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for n := 0; n < 40 && r.URL.Path == "/storm"; n++ {
			if err := child("whiff", false).Run(); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		}
	}))
}

// burn uses CPU time, not elapsed time.
func burn(amount time.Duration) {
	used := func() time.Duration {
		var usage syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	for start := used(); used()-start < amount; {
	}
}

// fakeGate starts a target as gate does, says so, and waits to be killed.
func fakeGate(args []string) error {
	session, err := NewSession(context.Background(), nil)
	if err != nil {
		return err
	}
	build, err := session.Prebuilt("base", "", fakeConfig(args[0]))
	if err != nil {
		return err
	}
	p, err := session.Start(context.Background(), LaunchSpec{Config: fakeConfig(args[0]), Build: build})
	if err != nil {
		return err
	}
	pids := []string{strconv.Itoa(p.PID())}
	for _, pid := range p.tree.alive() {
		if pid != p.PID() {
			pids = append(pids, strconv.Itoa(pid))
		}
	}
	fmt.Println(session.dir, strings.Join(pids, " "))
	return pause()
}

// fakeConfig is a target that plays a role and needs no build.
func fakeConfig(role string) Config {
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		panic(err)
	}
	return Config{
		Start: []string{self, "{port}", "{data}"},
		Env:   map[string]string{fakeVariable: role},
		Ready: "http://127.0.0.1:{port}/", ReadyTimeout: 20 * time.Second,
	}
}

// newTestSession is a session in a temporary directory of its own.
func newTestSession(t *testing.T, repository *Repository) *Session {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	session, err := NewSession(t.Context(), repository)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Errorf("close session: %v", err)
		}
		if _, err := os.Stat(session.dir); !os.IsNotExist(err) {
			t.Errorf("session directory %s is still there (%v)", session.dir, err)
		}
	})
	return session
}

// startFake starts a target that plays a role.
func startFake(t *testing.T, session *Session, cfg Config) (*Process, error) {
	t.Helper()
	build, err := session.Prebuilt("base", "", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return session.Start(t.Context(), LaunchSpec{Config: cfg, Build: build})
}

func mustStart(t *testing.T, session *Session, role string) *Process {
	t.Helper()
	p, err := startFake(t, session, fakeConfig(role))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// get asks a process and returns what it answers.
func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text strings.Builder
	if err := response.Write(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// isFree reports whether a port can be listened on.
func isFree(addr string) bool {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
