package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/fivegate/fivegate/workloads/target"
)

// roleVariable makes the test binary a program to run, in place of tests.
const roleVariable = "PROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0") // or each program sleeps a second before it exits
		os.Exit(m.Run())
	}
	play, ok := roles[role]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such role:", role)
		os.Exit(2)
	}
	play(os.Args[1:])
}

var roles = map[string]func(args []string){
	"burn": func(args []string) { burn(duration(args[0])) },
	"clock": func([]string) {
		var now unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		fmt.Println(now.Nano())
	},
	"cpus": func([]string) {
		var set unix.CPUSet
		_ = unix.SchedGetaffinity(0, &set)
		for cpu := range 1024 {
			if set.IsSet(cpu) {
				fmt.Print(cpu, " ")
			}
		}
	},
	"exit": func(args []string) {
		fmt.Fprintln(os.Stderr, "giving up")
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	},
	"forks":   func(args []string) { _ = child(false, args...).Run() },
	"grow":    func(args []string) { grow(args[0]) },
	"leaves":  func(args []string) { leave(false, args...) },
	"deserts": func(args []string) { leave(true, args...) },
	"nothing": func([]string) {},
	"print": func(args []string) {
		n, _ := strconv.Atoi(args[0])
		for i := range n {
			fmt.Println("line", i)
		}
	},
	"sleep": func([]string) { signal.Ignore(syscall.SIGTERM, syscall.SIGHUP); fmt.Println("asleep"); select {} },
	"strays": func([]string) {
		// The stray takes a session of its own, loses its parent, and ends while the
		// program still runs.
		deserter := child(false, "deserts", "nothing")
		deserter.Stdout = nil
		out, err := deserter.Output() // up to the stray's end, which holds the pipe too
		if err != nil {
			panic(err)
		}
		fmt.Print(string(out))
	},
	"suicide": func([]string) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	},
}

func duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
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

var grown []byte

func grow(mib string) {
	n, _ := strconv.Atoi(mib)
	grown = make([]byte, n<<20)
	for i := 0; i < len(grown); i += 4096 {
		grown[i] = 1
	}
}

// child is another process of the program; its first argument is its role.
func child(ownSession bool, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args[1:]...)
	cmd.Env = append(os.Environ(), roleVariable+"="+args[0])
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: ownSession}
	cmd.Stdout = os.Stdout
	return cmd
}

// leave starts a child and does not wait for it, but tells its id.
func leave(ownSession bool, args ...string) {
	cmd := child(ownSession, args...)
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	fmt.Println("left", cmd.Process.Pid)
}

// program is a command that plays a role.
func program(t testing.TB, args ...string) Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Command{Argv: append([]string{self}, args[1:]...), Env: append(os.Environ(), roleVariable+"="+args[0])}
}

func mustRun(t testing.TB, commands ...Command) []Exit {
	t.Helper()
	exits, err := Run(t.Context(), commands...)
	if err != nil {
		t.Fatal(err)
	}
	if len(exits) != len(commands) {
		t.Fatalf("%d exits of %d commands", len(exits), len(commands))
	}
	return exits
}

func TestStatus(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	notExecutable := t.TempDir() + "/text"
	if err := os.WriteFile(notExecutable, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		command Command
		status  string
		stderr  string
	}{
		{"ends well", program(t, "nothing"), "", ""},
		{"ends badly", program(t, "exit", "3"), "exit status 3", "giving up\n"},
		{"is killed", program(t, "suicide"), "signal: killed", ""},
		{"is in PATH", Command{Argv: []string{"true"}}, "", ""},
		{"is not in PATH", Command{Argv: []string{"no-such-program-here"}}, "program no-such-program-here: executable file not found in $PATH", ""},
		{"is not there", Command{Argv: []string{"./tool"}, Dir: "/usr"}, "program /usr/tool: stat /usr/tool: no such file or directory", ""},
		{"may not be run", Command{Argv: []string{notExecutable}}, "program " + notExecutable + ": permission denied", ""},
		{"has no directory", Command{Argv: []string{"true"}, Dir: "/no/such/place"}, "its directory: stat /no/such/place: no such file or directory", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			// Beside one that ends well, which must not suffer.
			exits := mustRun(t, test.command, program(t, "print", "1"))
			if exits[0].Status != test.status || exits[0].Stderr != test.stderr || exits[0].Left != "" {
				t.Errorf("got %+v, want status %q and stderr %q", exits[0], test.status, test.stderr)
			}
			if exits[1].Status != "" || exits[1].Stdout != "line 0\n" || exits[1].Wall <= 0 {
				t.Errorf("the other: %+v", exits[1])
			}
		})
	}
	if _, err := Run(t.Context(), Command{}); err == nil {
		t.Error("an empty command runs")
	}
}

func TestOutputIsBounded(t *testing.T) {
	command := program(t, "print", "100000")
	command.Keep = 100
	if got := mustRun(t, command)[0].Stdout; len(got) > 100 || !strings.HasSuffix(got, "\nline 99999\n") || !strings.HasPrefix(got, "line ") {
		t.Errorf("kept %q", got)
	}
}

func TestUsageOfTheWholeTree(t *testing.T) {
	const burned = 60 * time.Millisecond
	for _, args := range [][]string{
		{"burn", burned.String()},
		{"forks", "burn", burned.String()},
		{"forks", "forks", "burn", burned.String()},
	} {
		exit := mustRun(t, program(t, args...))[0]
		if exit.Status != "" || exit.CPU() < burned || exit.MinorFaults <= 0 || exit.VoluntarySwitches+exit.InvoluntarySwitches <= 0 {
			t.Errorf("%v: %+v, want at least %s of CPU time", args, exit, burned)
		}
		if exit.Wall < burned {
			t.Errorf("%v: %s of one thread in %s", args, exit.CPU(), exit.Wall)
		}
	}
}

func TestMemory(t *testing.T) {
	const size = 300 // MiB, more than any test of this package has
	exits := mustRun(t, program(t, "grow", strconv.Itoa(size)), program(t, "forks", "grow", strconv.Itoa(size)), program(t, "nothing"))
	for _, exit := range exits[:2] {
		if exit.MaxRSSBytes < size<<20 || exit.MaxRSSBytes > 8*size<<20 { // the race detector needs a multiple
			t.Errorf("peak memory is %d MiB, want %d and a little", exit.MaxRSSBytes>>20, size)
		}
	}
	// The test is not smaller than the program, which is the same binary.
	if exits[2].MaxRSSBytes > size<<20 {
		t.Errorf("peak memory of a small program is %d", exits[2].MaxRSSBytes)
	}
}

func TestCancelKillsAll(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, args := range [][]string{{"sleep"}, {"forks", "sleep"}, {"leaves", "sleep"}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		command, fifo := announcing(t, args...)
		go func() {
			fifo.await(t, "asleep")
			cancel(why)
		}()
		// The second one never ends by itself, so it is the cancel that ends both.
		exits, err := Run(ctx, command, program(t, "sleep"))
		if !errors.Is(err, why) || exits != nil {
			t.Errorf("%v: %v, %v", args, exits, err)
		}
		assertNobody(t, command)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, program(t, "nothing")); !errors.Is(err, context.Canceled) {
		t.Errorf("begun although it was cancelled: %v", err)
	}
}

func TestWhatIsLeftBehindIsKilledAndNamed(t *testing.T) {
	for _, args := range [][]string{{"leaves", "sleep"}, {"deserts", "sleep"}, {"forks", "deserts", "sleep"}} {
		exits := mustRun(t, program(t, args...), program(t, "nothing"))
		_, after, ok := strings.Cut(exits[0].Stdout, "left ")
		pid, _, _ := strings.Cut(after, "\n")
		if !ok || !strings.HasPrefix(exits[0].Left, pid+" (") || exits[0].Status != "" {
			t.Errorf("%v: %+v, want the process left named", args, exits[0])
		}
		if exits[1].Left != "" {
			t.Errorf("%v: the other is said to have left %s", args, exits[1].Left)
		}
		if id, err := strconv.Atoi(pid); err != nil || syscall.Kill(id, 0) == nil {
			t.Errorf("%v: process %q is still there", args, pid)
		}
	}
}

// Who died as an orphan, and so that nobody can tell whose, is waited for, and
// none of the figures is trusted.
func TestStrayThatDied(t *testing.T) {
	exits := mustRun(t, program(t, "strays"), program(t, "nothing"))
	_, pid, _ := strings.Cut(strings.TrimSpace(exits[0].Stdout), "left ")
	for _, exit := range exits {
		if !strings.HasPrefix(exit.Left, pid+" (") || exit.Status != "" {
			t.Errorf("%+v, want process %s named", exit, pid)
		}
	}
	if id, err := strconv.Atoi(pid); err != nil || syscall.Kill(id, 0) == nil {
		t.Errorf("process %q is still there", pid)
	}
}

// pipe is a named pipe that a command's output goes to.
type pipe struct{ path string }

// announcing is a program whose output can be awaited while it runs, by the way
// of a shell.
func announcing(t *testing.T, args ...string) (Command, pipe) {
	t.Helper()
	p := pipe{t.TempDir() + "/pipe"}
	if err := syscall.Mkfifo(p.path, 0o600); err != nil {
		t.Fatal(err)
	}
	command := program(t, args...)
	command.Argv = append([]string{"sh", "-c", `exec "$@" >` + p.path, "sh"}, command.Argv...)
	command.Env = append(command.Env, "ANNOUNCES="+p.path)
	return command, p
}

// await returns when the command has printed the word.
func (p pipe) await(t *testing.T, word string) {
	file, err := os.Open(p.path)
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	var text []byte
	for buf := make([]byte, 100); !strings.Contains(string(text), word); {
		n, err := file.Read(buf)
		if err != nil {
			t.Errorf("%q, then %v", text, err)
			return
		}
		text = append(text, buf[:n]...)
	}
}

// assertNobody looks for processes with the command's environment.
func assertNobody(t *testing.T, command Command) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err == nil && strings.Contains(string(env), command.Env[len(command.Env)-1]) {
			t.Errorf("process %s is left", e.Name())
		}
	}
}

// The skew between two programs that are to start at the same moment, as they see
// it themselves, and what a run costs beyond the program.
func BenchmarkSkew(b *testing.B) {
	for _, where := range []struct {
		name string
		cpus [2][]int
	}{{"anywhere", [2][]int{}}, {"one-core", [2][]int{{0}, {0}}}} {
		b.Run(where.name, func(b *testing.B) {
			one, two := program(b, "clock"), program(b, "clock")
			one.CPUs, two.CPUs = where.cpus[0], where.cpus[1]
			var skews, walls, whole []float64
			for b.Loop() {
				began := time.Now()
				exits := mustRun(b, one, two)
				whole = append(whole, time.Since(began).Seconds())
				var at [2]float64
				for i, exit := range exits {
					nanos, err := strconv.ParseInt(strings.TrimSpace(exit.Stdout), 10, 64)
					if err != nil {
						b.Fatal(err)
					}
					at[i] = float64(nanos) / 1e9
				}
				skews = append(skews, max(at[0]-at[1], at[1]-at[0]))
				walls = append(walls, max(exits[0].Wall, exits[1].Wall).Seconds())
			}
			b.ReportMetric(1e6*median(skews), "skew-µs")
			b.ReportMetric(1e6*median(walls), "wall-µs")
			b.ReportMetric(1e6*median(whole), "run-µs")
		})
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func TestCPUs(t *testing.T) {
	all := target.CPUs()
	last := all[len(all)-1]
	one, other := program(t, "cpus"), program(t, "cpus")
	one.CPUs = []int{last}
	exits := mustRun(t, one, other)
	if got := strings.TrimSpace(exits[0].Stdout); got != strconv.Itoa(last) {
		t.Errorf("the bound one may run on %s, want %d", got, last)
	}
	if got := len(strings.Fields(exits[1].Stdout)); got != len(all) {
		t.Errorf("the other may run on %d CPUs, want %d", got, len(all))
	}
	if got := target.CPUs(); !slices.Equal(got, all) {
		t.Errorf("gate may run on %v, could on %v before", got, all)
	}
	one.CPUs = []int{1000}
	if _, err := Run(t.Context(), one, other); err == nil || !strings.Contains(err.Error(), "1000") {
		t.Errorf("a CPU that is not there: %v", err)
	}
}
