package hook

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Status is how a repository's pre-push hook stands.
type Status struct {
	Path      string   `json:"path"`                 // of the hook that git runs
	Installed bool     `json:"installed"`            // gate is called before a push
	By        string   `json:"by,omitempty"`         // the program that calls it, if git does not do so itself
	Chained   string   `json:"chained,omitempty"`    // the hook that runs before it
	Strict    bool     `json:"strict"`               // a regression stops the push
	Outdated  bool     `json:"outdated"`             // the script is not the one that Install would write
	Skip      string   `json:"skip,omitempty"`       // why a push would not be checked now
	Notes     []string `json:"notes,omitempty"`      // what stands in its way
	Foreign   bool     `json:"foreign_hook"`         // there is a hook that is not gate's
	Program   string   `json:"program,omitempty"`    // that the script calls
	Missing   bool     `json:"program_is_not_there"` // the one on the PATH is called instead
}

// Status looks at the hook; whether a push is skipped is not asked.
func (r *Repository) Status(ctx context.Context) (Status, error) {
	folder, err := r.Folder(ctx)
	if err != nil {
		return Status{}, err
	}
	st := Status{Path: filepath.Join(folder.Path, hookName)}
	there, err := readHook(st.Path)
	if err != nil {
		return st, err
	}
	if by := keeper(st.Path, there); by != "" {
		if there, err = r.kept(&st, by); err != nil {
			return st, err
		}
	}
	switch {
	case ours(there):
		st.read(there)
	case there != nil:
		st.Foreign = true
	}
	if executable(filepath.Join(folder.Path, ownHook)) && ours(there) {
		st.Chained = filepath.Join(folder.Path, ownHook)
	}
	st.Notes, err = r.bareWorktrees(ctx)
	if ours(there) && st.By == "" && !executable(st.Path) {
		st.Installed = false
		st.Notes = append(st.Notes, "the hook may not be executed, so git passes it over: gate hook install")
	}
	return st, err
}

// kept looks at hooks that another program keeps: it calls gate by an entry of its
// configuration, or because it has moved gate's hook aside and runs it. The text is
// that of gate's script, or nil.
func (r *Repository) kept(st *Status, by string) ([]byte, error) {
	st.By = by
	files := map[string][]string{
		"pre-commit": {".pre-commit-config.yaml"},
		"lefthook":   {"lefthook.yml", ".lefthook.yml", "lefthook.yaml", ".lefthook.yaml", "lefthook.toml", "lefthook.json", "lefthook-local.yml"},
		"husky":      {".husky/pre-push"},
	}
	for _, name := range files[by] {
		text, err := os.ReadFile(filepath.Join(r.top, name))
		if err == nil && calls.Match(text) {
			st.Installed = true
			return nil, nil
		}
	}
	if by != "pre-commit" {
		return nil, nil
	}
	return readHook(filepath.Join(filepath.Dir(st.Path), legacyHook))
}

// calls is how a configuration calls gate, by itself or by the id of this project's
// .pre-commit-hooks.yaml.
var calls = regexp.MustCompile(`\bgate hook run\b|\bid: *gate-pre-push\b`)

// called is what a script of gate's starts, and with which flags.
var called = regexp.MustCompile(`(?ms)^gate='([^\n]*)'$.*"\$gate" hook run( --strict)?(?: --budget (\w+))? --`)

// read takes from a script of gate's what it does.
func (st *Status) read(text []byte) {
	st.Installed, st.Outdated = true, true
	m := called.FindSubmatch(text)
	if m == nil {
		return
	}
	s := Script{Strict: len(m[2]) > 0, Moved: bytes.Contains(text, []byte(moved))}
	s.Program = string(bytes.ReplaceAll(m[1], []byte(`'\''`), []byte("'")))
	s.Budget, _ = time.ParseDuration(string(m[3])) // 0: the default
	st.Program, st.Strict, st.Missing = s.Program, s.Strict, !executable(s.Program)
	want, err := s.text()
	st.Outdated = err != nil || !bytes.Equal(text, want)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
