package target

import (
	"context"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestStartAndStop(t *testing.T) {
	session := newTestSession(t, nil)
	cpus := CPUs()
	cfg := fakeConfig("serve")
	build, err := session.Prebuilt("base", "", cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := session.Start(t.Context(), LaunchSpec{Config: cfg, Build: build, CPUs: cpus[:1]})
	if err != nil {
		t.Fatal(err)
	}
	if body := get(t, "http://"+p.Addr()); !strings.Contains(body, "\n"+strconv.Itoa(p.PID())+"\n") {
		t.Errorf("answer %q is not from process %d", body, p.PID())
	}
	var affinity unix.CPUSet
	if err := unix.SchedGetaffinity(p.PID(), &affinity); err != nil || affinity.Count() != 1 || !affinity.IsSet(cpus[0]) {
		t.Errorf("affinity: %d CPUs, %v; want CPU %d alone", affinity.Count(), err, cpus[0])
	}
	if got := CPUs(); !slices.Equal(got, cpus) {
		t.Errorf("gate's own CPUs are %v after the launch, were %v", got, cpus)
	}
	sample := p.Sample()
	if sample.Processes != 1 || sample.RSSBytes < 1<<20 || sample.Threads < 1 || sample.Descriptors < 3 || sample.CPU <= 0 {
		t.Errorf("sample %+v", sample)
	}
	if status := p.ExitStatus(); status != "" {
		t.Errorf("exit status %q while it runs", status)
	}
	data := p.DataDir()
	stopped, err := p.Stop(t.Context(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if stopped.Killed || stopped.Died || stopped.Status != "signal: terminated" || stopped.CPU <= 0 || stopped.PeakRSS < 1<<20 {
		t.Errorf("stopped %+v", stopped)
	}
	<-p.Exited()
	if !isFree(p.Addr()) {
		t.Errorf("%s is not free after Stop", p.Addr())
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("data directory is still there: %v", err)
	}
	if p.CPU() != stopped.CPU {
		t.Errorf("CPU after Stop %v, Stop said %v", p.CPU(), stopped.CPU)
	}
}

func TestStartFailures(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		role   string
		want   []string
	}{
		{"ends at once", nil, "exit", []string{"exit status 3", "http://127.0.0.1:", "| about to give up"}},
		{"never listens", func(c *Config) { c.ReadyTimeout = 300 * time.Millisecond }, "never", []string{"not ready", "for 300ms", "refused", "| loading, and loading"}},
		{"never says 2xx", func(c *Config) { c.ReadyTimeout = 2 * time.Second }, "unready", []string{"503", "still compacting", "listens on 127.0.0.1:"}},
		{"line never comes", func(c *Config) { c.ReadyTimeout = 300 * time.Millisecond; c.Ready = "log:^up$" }, "says", []string{"log:^up$", "no line"}},
		{"program missing", func(c *Config) { c.Start[0] = "/no/such/server" }, "serve", []string{"/no/such/server", "no such file"}},
		{"bad ready", func(c *Config) { c.Ready = "udp://x" }, "serve", []string{"udp://x", "http://"}},
		{"other port", func(c *Config) { c.Start[1] = "0"; c.ReadyTimeout = 2 * time.Second }, "serve", []string{"refused", "listens on 127.0.0.1:"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			session := newTestSession(t, nil)
			cfg := fakeConfig(test.role)
			build, err := session.Prebuilt("base", "", cfg)
			if err != nil {
				t.Fatal(err)
			}
			if test.change != nil {
				test.change(&cfg)
			}
			_, err = session.Start(t.Context(), LaunchSpec{Config: cfg, Build: build})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(test.want, "start base: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
			if left := straysOf(session.dir); len(left) > 0 {
				t.Errorf("still there: %s", describe(left))
			}
		})
	}
}

func TestReadyKinds(t *testing.T) {
	for _, ready := range []string{"", "tcp://127.0.0.1:{port}", "tcp://localhost:{port}", "http://localhost:{port}/x"} {
		session := newTestSession(t, nil)
		cfg := fakeConfig("serve")
		cfg.Ready = ready
		p, err := startFake(t, session, cfg)
		if err != nil {
			t.Errorf("ready %q: %v", ready, err)
			continue
		}
		if err := p.OwnsPort(t.Context()); err != nil {
			t.Errorf("ready %q: %v", ready, err)
		}
	}
	session := newTestSession(t, nil)
	cfg := fakeConfig("says")
	cfg.Ready, cfg.Start = "log:ready to .*e$", cfg.Start[:1]
	p, err := startFake(t, session, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if p.Addr() != "" || p.OwnsPort(t.Context()) != nil {
		t.Errorf("a target without a port has address %q", p.Addr())
	}
}

// A server left over from an earlier run answers the readiness question as well
// as the new one would.
func TestStaleServerIsDetected(t *testing.T) {
	stale := newTestSession(t, nil)
	old := mustStart(t, stale, "serve")
	_, port, err := net.SplitHostPort(old.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"moves", "never", "serve"} {
		session := newTestSession(t, nil)
		cfg := fakeConfig(role)
		cfg.Start[1], cfg.Ready = port, "http://127.0.0.1:"+port
		_, err = startFake(t, session, cfg)
		if err == nil || !strings.Contains(err.Error(), "port "+port+" is answered by process "+strconv.Itoa(old.PID())+" (") {
			t.Errorf("%s: error %v; want the stale process named", role, err)
		}
	}
}

// A port that is lost between the pick and the target's listen costs one more try.
func TestLostPortIsTriedAgain(t *testing.T) {
	session := newTestSession(t, nil)
	cfg := fakeConfig("serve")
	build, err := session.Prebuilt("base", "", cfg)
	if err != nil {
		t.Fatal(err)
	}
	var thief *http.Server
	t.Cleanup(func() {
		if thief != nil {
			_ = thief.Close()
		}
	})
	session.beforeRun = func(port int) {
		if thief != nil {
			return
		}
		listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			t.Error(err)
			return
		}
		thief = &http.Server{Handler: http.NotFoundHandler()}
		go thief.Serve(listener)
	}
	if _, err := session.Start(t.Context(), LaunchSpec{Config: cfg, Build: build}); err != nil {
		t.Fatal(err)
	}
	if thief == nil {
		t.Fatal("the port was never stolen")
	}
}

func TestStopKillsWhatIgnoresSIGTERM(t *testing.T) {
	session := newTestSession(t, nil)
	for _, role := range []string{"stubborn", "forks", "daemon"} {
		p := mustStart(t, session, role)
		want := 1
		if role != "stubborn" {
			want = 2
		}
		before := p.tree.alive()
		if len(before) != want {
			t.Errorf("%s: processes %s, want %d", role, describe(before), want)
		}
		stopped, err := p.Stop(t.Context(), 20*time.Millisecond)
		if err != nil || !stopped.Killed {
			t.Errorf("%s: stopped %+v, %v; want killed", role, stopped, err)
		}
		for _, pid := range before {
			if syscall.Kill(pid, 0) == nil {
				t.Errorf("%s: process %d is still there", role, pid)
			}
		}
		if !isFree(p.Addr()) {
			t.Errorf("%s: %s is not free", role, p.Addr())
		}
	}
}

func TestStopByContext(t *testing.T) {
	session := newTestSession(t, nil)
	p := mustStart(t, session, "stubborn")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped, err := p.Stop(ctx, time.Hour)
	if err != nil || !stopped.Killed {
		t.Errorf("stopped %+v, %v", stopped, err)
	}
}

func TestDiedBeforeStop(t *testing.T) {
	session := newTestSession(t, nil)
	p := mustStart(t, session, "forks")
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	if p.ExitStatus() != "signal: killed" {
		t.Errorf("exit status %q", p.ExitStatus())
	}
	if err := p.OwnsPort(t.Context()); err == nil {
		t.Error("a dead process owns its port")
	}
	if p.CPU() <= 0 {
		t.Error("its CPU time is lost")
	}
	stopped, err := p.Stop(t.Context(), time.Millisecond)
	if err != nil || !stopped.Died {
		t.Errorf("stopped %+v, %v", stopped, err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	session := newTestSession(t, nil)
	var pids []int
	for _, role := range []string{"serve", "daemon", "stubborn"} {
		pids = append(pids, mustStart(t, session, role).tree.alive()...)
	}
	for range 2 {
		if err := session.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, pid := range pids {
		if syscall.Kill(pid, 0) == nil {
			t.Errorf("process %d is still there", pid)
		}
	}
	if _, err := session.DataDir("base"); err == nil {
		t.Error("a closed session makes directories")
	}
	if _, err := session.Start(t.Context(), LaunchSpec{Config: fakeConfig("serve")}); err == nil {
		t.Error("a closed session starts targets")
	}
}
