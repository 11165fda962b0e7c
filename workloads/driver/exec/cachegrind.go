package exec

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/bench"
	"github.com/fivegate/fivegate/workloads/process"
)

func findValgrind() error {
	if _, err := exec.LookPath("valgrind"); err != nil {
		return errors.New("--counter cachegrind runs the command under valgrind, which is not in PATH: install it (package valgrind), or measure without --counter")
	}
	return nil
}

// prepareSimulated runs both arms at once: nothing is timed, so they do not
// disturb each other.
func (s *Subject) prepareSimulated(ctx context.Context) (bench.Method, error) {
	began := time.Now()
	if _, err := s.once(ctx, []bench.Place{{Arm: 0}, {Arm: 1}}); err != nil {
		return bench.Method{}, err
	}
	cost := time.Since(began)
	s.limit = max(limitFactor*cost, leastLimit)
	return bench.Method{Mode: result.ModeDuet, Iterations: 1, Cost: cost}, nil
}

// simulated runs commands under cachegrind and counts their instructions.
func (s *Subject) simulated(ctx context.Context, places []bench.Place, commands []process.Command) ([]exit, error) {
	dirs := make([]string, len(commands))
	for i := range commands {
		dir, err := s.cfg.Session.DataDir(s.cfg.Builds[places[i].Arm][0].Arm)
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		dirs[i] = dir
		// Children are followed; caches and branches are not simulated, since their
		// models are not this machine's and cost half of the time.
		commands[i].Argv = append([]string{
			"valgrind", "--quiet", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no", "--trace-children=yes",
			"--cachegrind-out-file=" + filepath.Join(dir, "%p.out"), "--log-file=" + filepath.Join(dir, "%p.log"), "--",
		}, commands[i].Argv...)
	}
	ended, err := s.run(ctx, places, commands)
	if err != nil {
		return nil, err
	}
	exits := make([]exit, len(ended))
	for i := range ended {
		exits[i].Exit = ended[i]
		if exits[i].instructions, err = countedIn(dirs[i]); err != nil {
			return nil, &bench.Failure{Arm: places[i].Arm, Detail: err.Error()}
		}
	}
	return exits, nil
}

// countedIn adds up the instructions in the files of a run, one for each process.
func countedIn(dir string) (float64, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.out"))
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		counted, err := parseCachegrind(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return 0, fmt.Errorf("cachegrind's counts: %w", err)
		}
		sum += counted
	}
	if sum == 0 {
		return 0, errors.New("cachegrind counted nothing: is the program one that valgrind can run?")
	}
	return sum, nil
}

// parseCachegrind reads the number of instructions from a file that cachegrind
// wrote: the column Ir, named in the line "events:", of the line "summary:" at the
// end (valgrind manual, §5.4.8 "Cachegrind output file format"). Errors name the
// line.
func parseCachegrind(r io.Reader) (float64, error) {
	column, number := -1, 0
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20) // names of functions in C++ are long
	for lines.Scan() {
		number++
		if names, ok := strings.CutPrefix(lines.Text(), "events:"); ok {
			for i, name := range strings.Fields(names) {
				if name == "Ir" {
					column = i
				}
			}
		}
		counts, ok := strings.CutPrefix(lines.Text(), "summary:")
		if !ok {
			continue
		}
		fields := strings.Fields(counts)
		if column < 0 || column >= len(fields) {
			return 0, fmt.Errorf("line %d: the summary has no count of Ir, instructions", number)
		}
		n, err := strconv.ParseUint(fields[column], 10, 64)
		if err != nil || n > math.MaxInt64 {
			return 0, fmt.Errorf("line %d: %q is no count of instructions", number, fields[column])
		}
		return float64(n), nil
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("line %d: %w", number+1, err)
	}
	return 0, fmt.Errorf("line %d: the file ends without a summary, so the program was cut off", number+1)
}
