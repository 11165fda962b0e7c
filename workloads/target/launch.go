package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LaunchSpec says what Start starts.
type LaunchSpec struct {
	Config  Config
	Build   Build
	DataDir string // empty: a fresh one, removed by Stop
	CPUs    []int  // the target may run on these only; empty: on all that gate may use
	Name    string // for errors; empty: the arm
}

// The environment of every process of a session names it, and that of every
// process of a launch names the launch: so they are found again wherever they go.
const (
	sessionVariable = "FIVEGATE_SESSION"
	launchVariable  = "FIVEGATE_LAUNCH"
)

// outputKept is how much of a target's output is kept, in bytes.
const outputKept = 64 << 10

// launchTries is how often a launch is tried when its port was taken by somebody
// else between the pick and the target's listen. Chosen.
const launchTries = 3

// Start starts a target in a process group of its own, on its CPUs, and returns
// when it is ready and it is proven that it is the one that answers. The working
// directory is the build's worktree. An error tells what was awaited and for how
// long, how the target ended, and its last output; nothing of it is left then.
// The process lives until Stop or Session.Close; ctx bounds the start only.
func (s *Session) Start(ctx context.Context, spec LaunchSpec) (*Process, error) {
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if spec.Name == "" {
		spec.Name = spec.Build.Arm
	}
	if len(spec.Config.Start) == 0 {
		return nil, fmt.Errorf("start %s: start is empty: say how the target is started", spec.Name)
	}
	for try := 1; ; try++ {
		p, err := s.launch(ctx, spec)
		if err == nil {
			return p, nil
		}
		foreign := (*foreignError)(nil)
		if try == launchTries || !errors.As(err, &foreign) || !spec.Config.uses("{port}") {
			return nil, fmt.Errorf("start %s: %w", spec.Name, err)
		}
	}
}

// launch starts a target once and awaits it.
func (s *Session) launch(ctx context.Context, spec LaunchSpec) (*Process, error) {
	p, seen, err := s.spawn(spec)
	if err != nil {
		return nil, err
	}
	timeout := spec.Config.ReadyTimeout
	if timeout <= 0 {
		timeout = DefaultReadyTimeout
	}
	err = p.awaitReady(ctx, seen, timeout)
	if err == nil {
		p.readyIn = time.Since(p.started)
		err = p.OwnsPort(ctx)
	}
	if err != nil {
		// Gone before it is described: then its output is complete.
		_, stopErr := p.Stop(context.Background(), 0)
		return nil, errors.Join(fmt.Errorf("%w%s", err, quoteTail(p.Output())), stopErr)
	}
	return p, nil
}

// awaitReady returns nil when the target is ready.
func (p *Process) awaitReady(ctx context.Context, seen <-chan struct{}, timeout time.Duration) error {
	looking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- p.ready.await(looking, seen) }()
	select {
	case err := <-result:
		if err == nil {
			return nil
		}
		after := time.Since(p.started).Round(time.Millisecond)
		if cause := context.Cause(ctx); cause != nil {
			return fmt.Errorf("stopped after %s, awaiting %s: %w", after, p.ready.text, cause)
		}
		return fmt.Errorf("not ready: awaited %s for %s: %w; the process runs%s", p.ready.text, timeout, err, p.tree.listensOn())
	case <-p.exited:
		cancel()
		err := <-result
		after := time.Since(p.started).Round(time.Millisecond)
		if err == nil || p.ready.addr == "" {
			return fmt.Errorf("it ended after %s with %s while %s was awaited", after, p.state, p.ready.text)
		}
		// Somebody else may hold the port: that is the better reason.
		if foreign := p.OwnsPort(ctx); errors.As(foreign, new(*foreignError)) {
			return foreign
		}
		return fmt.Errorf("it ended after %s with %s while %s was awaited", after, p.state, p.ready.text)
	}
}

// spawn starts the process. The channel is closed when the awaited output line
// was printed.
func (s *Session) spawn(spec LaunchSpec) (*Process, <-chan struct{}, error) {
	data, own := spec.DataDir, false
	if data == "" {
		var err error
		if data, err = s.DataDir(spec.Build.Arm); err != nil {
			return nil, nil, err
		}
		own = true
	}
	p := &Process{
		name: spec.Name, session: s, data: data, ownData: own,
		output: NewRing(outputKept), drained: make(chan struct{}), exited: make(chan struct{}),
	}
	seen, err := s.exec(p, spec)
	if err != nil {
		if own {
			err = errors.Join(err, removeAll(data))
		}
		return nil, nil, err
	}
	s.remember(p)
	return p, seen, nil
}

// exec fills in a process and runs it.
func (s *Session) exec(p *Process, spec LaunchSpec) (<-chan struct{}, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	with := strings.NewReplacer(
		"{port}", strconv.Itoa(ports[0]), "{port2}", strconv.Itoa(ports[1]), "{data}", p.data,
		"{worktree}", spec.Build.Worktree, "{layout}", strconv.FormatUint(spec.Build.Seed, 10))
	port := 0
	if spec.Config.uses("{port}") {
		port = ports[0]
	}
	if p.ready, err = parseReady(with.Replace(spec.Config.Ready), port); err != nil {
		return nil, err
	}
	argv := expandAll(spec.artifactPaths(spec.Config.Start), with)
	program, err := FindProgram(argv[0], spec.Build.Worktree)
	if err != nil {
		return nil, err
	}
	var seen <-chan struct{}
	if p.ready.pattern != nil {
		seen = p.output.expect(p.ready.pattern)
	}
	mark := launchVariable + "=" + filepath.Base(s.dir) + "-" + strconv.Itoa(ports[0])
	env := append(launchEnvironment(spec, with), sessionVariable+"="+s.dir, mark)
	if s.beforeRun != nil {
		s.beforeRun(ports[0])
	}
	return seen, s.run(p, program, argv, env, mark, spec)
}

// run forks the process, and begins to read its output and to wait for it.
func (s *Session) run(p *Process, program string, argv, env []string, mark string, spec LaunchSpec) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return errors.Join(err, reader.Close(), writer.Close())
	}
	p.started = time.Now()
	err = s.spawner.run(spec.CPUs, func() error {
		p.process, err = os.StartProcess(program, argv, &os.ProcAttr{
			Dir: spec.Build.Worktree, Env: env, Files: []*os.File{null, writer, writer}, Sys: childAttributes(),
		})
		return err
	})
	if err = errors.Join(err, writer.Close(), null.Close()); err != nil && p.process == nil {
		return errors.Join(err, reader.Close())
	}
	p.pipe, p.pid = reader, p.process.Pid
	p.tree = newTree(p.pid, mark, make(chan struct{}))
	go func() {
		defer close(p.drained)
		_, _ = io.Copy(p.output, reader) // ends with the last writer, or with Stop
	}()
	go p.wait()
	return nil
}

// artifactPaths is a command with artifacts named by the copies of the build's
// layout.
func (spec LaunchSpec) artifactPaths(argv []string) []string {
	argv = slices.Clone(argv)
	for i, arg := range argv {
		if spec.Build.Dir != "" && slices.Contains(spec.Config.artifacts(), arg) {
			argv[i] = filepath.Join(spec.Build.Dir, arg)
		}
	}
	return argv
}

// Command is an argument list as it runs in a build, with its whole environment:
// artifacts are named by the copies of the layout, {worktree} and {layout} filled
// in; variables for a server, such as its port, are left out. The working
// directory is the build's worktree.
func (b Build) Command(cfg Config, argv []string) (args, env []string) {
	with := buildPlaceholders(b.Worktree, b.Seed)
	cfg.Env = maps.Clone(cfg.Env)
	maps.DeleteFunc(cfg.Env, func(_, value string) bool { return launchOnly(value) })
	spec := LaunchSpec{Config: cfg, Build: b}
	args = spec.artifactPaths(argv)
	return expandAll(args, with), launchEnvironment(spec, with)
}

// launchEnvironment is gate's environment with the target's variables, in one
// order for all launches.
func launchEnvironment(spec LaunchSpec, with *strings.Replacer) []string {
	env := withoutVariables(os.Environ(), func(name string) bool {
		_, replaced := spec.Config.Env[name]
		return replaced || strings.HasPrefix(name, "GIT_") || name == "PWD" || name == "OLDPWD"
	})
	env = append(env, "PWD="+spec.Build.Worktree)
	for _, name := range slices.Sorted(maps.Keys(spec.Config.Env)) {
		env = append(env, name+"="+with.Replace(spec.Config.Env[name]))
	}
	return env
}

func (s *Session) remember(p *Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes[p] = struct{}{}
}

func (s *Session) forget(p *Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.processes, p)
}
