package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/ingest"
	"github.com/fivegate/fivegate/gate/report"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

type compareFlags struct {
	config    string
	threshold string
	format    string
	out       string
	json      bool
}

func newCompareCommand() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare OLD[,OLD...] NEW[,NEW...]",
		Short: "Judge results of benchmarks that were made apart, by this tool or another",
		Long: `compare reads what benchmarks wrote before and after a change, shows both as
benchstat does, and judges whether the new ones are worse by more than 5%.

Each side is a file, a directory (Criterion's target/criterion), or several with
commas between them: one for each time that the benchmarks were run. The format
is recognised: ` + strings.Join(ingest.Formats(), ", ") + `.

Nothing pairs results that were made apart. What happened to the machine between
them cannot be told from a change, and what all samples of one process share
cannot be told from one either; so the errors are larger than those of a check,
which measures both sides at once. At least 7 samples of each side are needed,
and 7 runs where samples are parts of one run (Criterion, k6, pytest-benchmark).`,
		Example: `  gate compare old.txt new.txt
  gate compare --threshold 10% old.json new.json
  gate compare old1.json,old2.json,old3.json new1.json,new2.json,new3.json
  gate compare before/criterion target/criterion`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			policy, err := f.policy(cmd.Flags().Changed("config"))
			if err != nil {
				return err
			}
			return f.compare(cmd.OutOrStdout(), policy, args[0], args[1])
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "", "format of the files (default: recognised by what they hold)")
	fl.StringVar(&f.config, "config", "gate.toml", "configuration file, for the policy")
	fl.StringVar(&f.threshold, "threshold", "", "slow-down beyond which a change must not merge (default 5%)")
	fl.StringVar(&f.out, "out", "", "directory for result.json and every report (default: a new one in the user's cache)")
	fl.BoolVar(&f.json, "json", false, "print the verdict as JSON")
	return cmd
}

// policy is that of gate.toml, if there is one, and the flags.
func (f compareFlags) policy(named bool) (result.Policy, error) {
	flags := overrides{Threshold: f.threshold}
	cfg, err := loadConfig(f.config, flags, os.Getenv)
	if errors.Is(err, fs.ErrNotExist) && !named {
		cfg = defaultConfig()
		err = cfg.override(flags, os.Getenv).Err()
	}
	if err != nil {
		return result.Policy{}, err
	}
	return cfg.Policy, nil
}

func (f compareFlags) compare(w io.Writer, policy result.Policy, old, new string) error {
	c, err := f.read(policy, old, new)
	if err != nil {
		return fmt.Errorf("nothing was compared:\n%v", err) // its faults are none of the configuration
	}
	if !f.json {
		if err := report.Benchstat(w, c, verdict.Judge(c.Document)); err != nil {
			return err
		}
	}
	return conclude(w, c.Document, nil, f.out, f.json)
}

// read puts both sides beside each other.
func (f compareFlags) read(policy result.Policy, old, new string) (*ingest.Comparison, error) {
	base, err := f.side(old)
	if err != nil {
		return nil, err
	}
	head, err := f.side(new)
	if err != nil {
		return nil, err
	}
	return ingest.Compare(base, head, ingest.Options{
		At: time.Now().UTC(), Tool: tool(), Command: os.Args, Old: old, New: new, Policy: policy,
	})
}

// side reads the files of one side.
func (f compareFlags) side(names string) (*ingest.Side, error) {
	var inputs []ingest.Input
	for name := range strings.SplitSeq(names, ",") {
		input, err := readInput(name)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, input)
	}
	return ingest.Read(inputs, f.format)
}

// readInput reads a file, or the files of Criterion below a directory.
func readInput(name string) (ingest.Input, error) {
	input := ingest.Input{Name: name}
	info, err := os.Stat(name)
	if err != nil {
		return input, fmt.Errorf("read results: %w", err)
	}
	if !info.IsDir() {
		input.Data, err = readAtMost(name, ingest.MaxSize)
		return input, err
	}
	left := int64(ingest.MaxSize)
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(name, path)
		if err != nil || d.IsDir() || !ingest.CriterionFile(filepath.ToSlash(relative)) {
			return err
		}
		data, err := readAtMost(path, left)
		left -= int64(len(data))
		input.Files = append(input.Files, ingest.Input{Name: filepath.ToSlash(relative), Data: data})
		return err
	})
	if err == nil && len(input.Files) == 0 {
		err = errors.New("holds no new/sample.json of Criterion; give a file, or the directory target/criterion")
	}
	if err != nil {
		return input, fmt.Errorf("read results: %s: %w", name, err)
	}
	return input, nil
}
