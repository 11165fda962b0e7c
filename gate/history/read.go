package history

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/fivegate/fivegate/gate/diag"
)

// maxLine bounds a line: 20,000 metrics have less.
const maxLine = 8 << 20

// maxFaults is how many faults of a file are told; a file of another format has one
// in every line.
const maxFaults = 20

// Read reads a series file, strictly, and returns its runs by time, each once. name
// is how faults name it. The error is diag.Faults, with the line and column of each
// fault, or that of r.
func Read(name string, r io.Reader) ([]Run, error) {
	f := file{name: name, seen: map[string]place{}}
	err := f.lines(r, f.run)
	if err != nil {
		return nil, err
	}
	sortRuns(f.runs)
	return f.runs, nil
}

// file is a series file that is being read.
type file struct {
	name   string
	line   int
	faults diag.Faults
	runs   []Run
	seen   map[string]place
}

// place is where a run stands, with its bytes.
type place struct {
	line int
	text string
}

func (f *file) fault(column int, rule, format string, args ...any) {
	f.faults = append(f.faults, diag.Fault{File: f.name, Line: f.line, Column: column, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

// lines gives each line that is one to read.
func (f *file) lines(r io.Reader, read func(text []byte)) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 64<<10), maxLine)
	for scanner.Scan() && len(f.faults) < maxFaults {
		f.line++
		text := bytes.TrimRight(scanner.Bytes(), "\r")
		switch {
		case conflict(text):
			f.fault(1, "conflict", "a merge left its marker: keep the lines of both sides, delete the markers; a line \"*.jsonl merge=union\" in .gitattributes lets git do that itself")
		case len(bytes.TrimSpace(text)) == 0:
			f.fault(1, "empty-line", "an empty line: delete it")
		case !utf8.Valid(text):
			f.fault(1, "encoding", "not UTF-8: the file is damaged; take it from git again")
		default:
			read(text)
		}
	}
	if err := scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
		f.line++
		f.fault(1, "too-long", "a line of more than %d MB: not a series file", maxLine>>20)
	} else if err != nil {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	return f.faults.Err()
}

// conflict says whether a line is one that git leaves at a conflict.
func conflict(text []byte) bool {
	for _, marker := range []string{"<<<<<<<", "=======", ">>>>>>>", "|||||||"} {
		if bytes.HasPrefix(text, []byte(marker)) {
			return true
		}
	}
	return false
}

// run reads a line and puts it among the runs.
func (f *file) run(text []byte) {
	var r Run
	if column, err := decode(text, &r); err != nil {
		f.fault(column, "line", "%v", err)
		return
	}
	if err := r.fault(); err != nil {
		f.fault(1, "value", "%v", err)
		return
	}
	if len(f.runs) > 0 && (r.Class != f.runs[0].Class || r.Scenario != f.runs[0].Scenario) {
		first := f.runs[0]
		f.fault(1, "mixed-class", "a run of %s under %s among runs of %s under %s: numbers of different machines or loads do not compare; move the line to its own file",
			brief(r.Class), brief(r.Scenario), brief(first.Class), brief(first.Scenario))
		return
	}
	r.At = r.At.UTC()
	// Twice the same line is what a merge of two clones leaves.
	switch before, twice := f.seen[r.key()]; {
	case twice && before.text == string(text):
	case twice:
		f.fault(1, "edited", "line %d says something else of the same result: one was edited by hand; delete it", before.line)
	default:
		f.seen[r.key()] = place{f.line, string(text)}
		f.runs = append(f.runs, r)
	}
}

// decode reads one JSON object, strictly, and says at which column it failed.
func decode(text []byte, into any) (column int, err error) {
	err = json.Unmarshal(text, into, json.RejectUnknownMembers(true))
	if err == nil {
		return 0, nil
	}
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	offset := int64(0)
	message := err
	switch {
	case errors.As(err, &syntactic):
		offset = syntactic.ByteOffset
		message = fmt.Errorf("not a whole line of JSON (%w): it is cut or damaged; take it from git again, or delete it", syntactic.Err)
	case errors.As(err, &semantic):
		offset = semantic.ByteOffset
		what := cmp.Or(string(semantic.JSONPointer), "the line")
		message = fmt.Errorf("%s is not what a line of this version holds", what)
		if semantic.Err != nil {
			message = fmt.Errorf("%s: %w", what, semantic.Err)
		}
	}
	return 1 + utf8.RuneCount(text[:min(int(offset), len(text))]), message
}

func sortRuns(runs []Run) {
	slices.SortStableFunc(runs, func(a, b Run) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Commit, b.Commit), cmp.Compare(a.Result, b.Result))
	})
}

// Write writes runs as a series file, by time, each once. The same runs give the
// same bytes.
func Write(w io.Writer, runs []Run) error {
	sorted := slices.Clone(runs)
	sortRuns(sorted)
	seen := map[string]bool{}
	for i := range sorted {
		r := &sorted[i]
		if seen[r.key()] {
			continue
		}
		seen[r.key()] = true
		if err := json.MarshalWrite(w, r, json.Deterministic(true)); err != nil {
			return fmt.Errorf("write history: %w", err)
		}
		if _, err := io.WriteString(w, "\n"); err != nil {
			return fmt.Errorf("write history: %w", err)
		}
	}
	return nil
}

// Add puts a run among those of its file. It says whether it was not there yet; one
// of another class or scenario is refused.
func Add(runs []Run, r Run) ([]Run, bool, error) {
	if err := r.fault(); err != nil {
		return runs, false, err
	}
	for i := range runs {
		if runs[i].Class != r.Class || runs[i].Scenario != r.Scenario {
			return runs, false, fmt.Errorf("a run of %s under %s does not belong to runs of %s under %s", brief(r.Class), brief(r.Scenario), brief(runs[i].Class), brief(runs[i].Scenario))
		}
		if runs[i].key() == r.key() {
			return runs, false, nil
		}
	}
	return append(slices.Clone(runs), r), true, nil
}

// ReadAll reads every series file below a directory. A file must lie where its class
// and scenario say. The result is by path.
func ReadAll(dir fs.FS) ([][]Run, []Explanation, error) {
	var files [][]Run
	var explanations []Explanation
	var faults diag.Faults
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".jsonl" || strings.HasPrefix(entry.Name(), "."):
			return nil
		}
		r, err := dir.Open(name)
		if err != nil {
			return err
		}
		defer r.Close()
		if name == ExplanationsFile {
			explanations, err = ReadExplanations(name, r)
		} else {
			var runs []Run
			if runs, err = Read(name, r); err == nil && len(runs) > 0 {
				err = misplaced(name, runs[0])
				files = append(files, runs)
			}
		}
		var own diag.Faults
		if errors.As(err, &own) {
			faults = append(faults, own...)
			return nil
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return files, explanations, faults.Err()
}

func misplaced(name string, r Run) error {
	want, err := Path(r.Class, r.Scenario)
	if err == nil && want == name {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("the runs are of %s under %s: the file belongs at %s", brief(r.Class), brief(r.Scenario), want)
	}
	return diag.Faults{{File: name, Line: 1, Column: 1, Rule: "mixed-class", Message: err.Error()}}
}
