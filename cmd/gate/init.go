package main

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result"
)

// starter holds what init writes. The workflows are those of this repository
// itself, with the action by a name that others can use.
//
//go:embed starter
var starter embed.FS

// starterAction is how the starter workflows name the action.
const starterAction = "fivegate/fivegate@v1"

type initFlags struct {
	dir    string
	kind   string
	dryRun bool
	json   bool
}

func newInitCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write gate.toml and the two workflows for this project",
		Long: `init looks at the project, writes gate.toml and two GitHub workflows, and says
what to click on GitHub. It never changes a file that is there, so that it can be
run again.`,
		Example: "  gate init\n  gate init --dry-run",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.init(cmd.OutOrStdout()) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.dir, "dir", ".", "root of the repository")
	fl.StringVar(&f.kind, "kind", "", "what the project is instead of what it looks like: "+strings.Join(initKinds, ", "))
	fl.BoolVar(&f.dryRun, "dry-run", false, "say what would be written, and write nothing")
	fl.BoolVar(&f.json, "json", false, "print what was done as JSON")
	return cmd
}

// starterFile is a file that init writes, or finds.
type starterFile struct {
	Path  string `json:"path"`  // slash-separated, in the repository
	State string `json:"state"` // one of the below
	text  string
}

// What can be done with a file.
const (
	fileWritten   = "written"
	fileWouldBe   = "would be written"
	fileSame      = "already there"
	fileLeftAlone = "left alone" // it differs from what init would write
)

func (f initFlags) init(w io.Writer) error {
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	defer root.Close()
	p, err := f.project(root.FS())
	if err != nil {
		return err
	}
	action, pinned := starterActionOf(tool())
	files, err := starterFiles(p, action)
	if err != nil {
		return err
	}
	for i := range files {
		if err := files[i].put(root, f.dryRun); err != nil {
			return fmt.Errorf("init: %w", err)
		}
	}
	if f.json {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"kind": p.Kind, "files": files, "action": action})
	}
	_, atRoot := fs.Stat(root.FS(), ".git")
	return printInit(w, initReport{project: p, files: files, action: action, pinned: pinned, repository: atRoot == nil})
}

// project is what the repository holds, or is said to hold.
func (f initFlags) project(files fs.FS) (project, error) {
	p, err := detectProject(files)
	switch {
	case err != nil:
		return project{}, fmt.Errorf("init: look at the project: %w", err)
	case f.kind != "":
		return p.as(f.kind)
	}
	return p, nil
}

// starterFiles are the files for a project.
func starterFiles(p project, action string) ([]starterFile, error) {
	config, err := p.config()
	if err != nil {
		return nil, err
	}
	// What is written must be what this very build accepts.
	if _, faults := parseConfig("gate.toml", []byte(config)); len(faults) > 0 {
		return nil, fmt.Errorf("init: the configuration for this project would be refused: %w", faults.Err())
	}
	files := []starterFile{{Path: "gate.toml", text: config}}
	for _, name := range []string{"gate-pr.yml", "gate-report.yml"} {
		text, err := fs.ReadFile(starter, "starter/"+name)
		if err != nil {
			return nil, err
		}
		files = append(files, starterFile{
			Path: path.Join(".github/workflows", name),
			text: strings.ReplaceAll(string(text), starterAction, action),
		})
	}
	return files, nil
}

// put writes the file unless there is one already, and notes what it did.
func (s *starterFile) put(root *os.Root, dryRun bool) error {
	there, err := root.ReadFile(s.Path)
	switch {
	case err == nil && string(there) == s.text:
		s.State = fileSame
		return nil
	case err == nil:
		s.State = fileLeftAlone
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case dryRun:
		s.State = fileWouldBe
		return nil
	}
	if err := root.MkdirAll(path.Dir(s.Path), 0o777); err != nil {
		return err
	}
	file, err := root.OpenFile(s.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = file.WriteString(s.text)
	s.State = fileWritten
	return errors.Join(err, file.Close())
}

var (
	fullCommit     = regexp.MustCompile(`^[0-9a-f]{40}$`)
	releaseVersion = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+$`)
)

// starterActionOf names the action by the release or the commit of this build, so
// that the workflows run what init itself is; pinned is false when the build knows
// neither.
func starterActionOf(t result.Tool) (action string, pinned bool) {
	name, _, _ := strings.Cut(starterAction, "@")
	switch {
	case fullCommit.MatchString(t.Commit) && releaseVersion.MatchString(t.Version):
		return name + "@" + t.Commit + " # " + t.Version, true
	case fullCommit.MatchString(t.Commit):
		return name + "@" + t.Commit + " # not released", true
	case releaseVersion.MatchString(t.Version):
		return name + "@" + t.Version, true
	}
	return starterAction, false
}
