package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/experiment"
)

// resultFile is the name of the document in a directory of reports.
const resultFile = "result.json"

// mostPrior is how many documents a directory may hold, so that a wrong one is
// noticed before it is read for an hour.
const mostPrior = 500

// readPrior reads the documents of earlier runs of the pair that like describes.
// A file must be one. Of a directory, every result.json below it is taken that is
// one; notes say what was left out.
func readPrior(paths []string, like *result.Document) (earlier []result.Earlier, notes []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, nil, fmt.Errorf("--prior: %w", err)
		}
		if !info.IsDir() {
			e, err := readEarlier(path, like)
			if err != nil {
				return nil, nil, fmt.Errorf("--prior %s: %w", path, err)
			}
			earlier = append(earlier, e)
			continue
		}
		found, left, err := readPriorDir(path, like)
		if err != nil {
			return nil, nil, fmt.Errorf("--prior %s: %w", path, err)
		}
		earlier, notes = append(earlier, found...), append(notes, left...)
	}
	return earlier, notes, nil
}

func readEarlier(path string, like *result.Document) (result.Earlier, error) {
	doc, err := result.ReadFile(path)
	if err != nil {
		return result.Earlier{}, err
	}
	if err := result.SamePair(like, doc); err != nil {
		return result.Earlier{}, err
	}
	return verdict.Earlier(doc)
}

func readPriorDir(dir string, like *result.Document) (earlier []result.Earlier, notes []string, err error) {
	var files []string
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && entry.Name() == resultFile {
			files = append(files, path)
		}
		if len(files) > mostPrior {
			return fmt.Errorf("there are more than %d %s below it; name a smaller directory", mostPrior, resultFile)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("there is no %s below it", resultFile)
	}
	for _, path := range files {
		e, err := readEarlier(path, like)
		switch {
		case err == nil:
			earlier = append(earlier, e)
		case errors.Is(err, verdict.ErrUnusable):
			notes = append(notes, fmt.Sprintf("%s is left out: %v", path, err))
		case !errors.Is(err, result.ErrOtherPair):
			return nil, nil, err // it names the file
		}
	}
	if len(earlier) == 0 {
		notes = append(notes, fmt.Sprintf("of the %d documents below %s none is an earlier run of this pair that can be pooled", len(files), dir))
	}
	return earlier, notes, nil
}

// newestResults is how many of the latest results are searched for the same pair.
const newestResults = 20

// knownRun finds a run of the pair that was measured here before, and is not asked
// to be pooled: the newest one in the directory of reports or in the user's cache.
// What cannot be read is no such run.
func knownRun(out string, like *result.Document) (path string, e result.Earlier, found bool) {
	var files []string
	if out != "" {
		files = append(files, filepath.Join(out, resultFile))
	}
	cached, _ := filepath.Glob(filepath.Join(resultsDir(), "*", resultFile)) // the pattern is well-formed
	slices.Sort(cached)                                                      // their directories are named by the time
	slices.Reverse(cached)
	for _, path := range append(files, cached[:min(len(cached), newestResults)]...) {
		if e, err := readEarlier(path, like); err == nil {
			return path, e, true
		}
	}
	return "", result.Earlier{}, false
}

// poolWith pools a measured document with earlier runs. What broke before the plan
// was made has nothing to pool.
func poolWith(doc *result.Document, earlier []result.Earlier) (*result.Document, error) {
	if len(earlier) == 0 || doc.Plan.Blocks == 0 {
		return doc, nil
	}
	return result.Pool(doc, earlier...)
}

// runsIn is the number of runs that the documents hold, at most.
func runsIn(earlier []result.Earlier) (n int) {
	for _, e := range earlier {
		n = max(n, len(e.Document.Prior)+1)
	}
	return max(n, len(earlier))
}

// earlier reads the runs that are to be pooled. Without any, it says which run of
// the pair it knows of: measuring anew must not be a way to another verdict that
// nobody sees.
func (f checkFlags) earlier(x experiment.Config, p *progress) ([]result.Earlier, error) {
	like := experiment.Identical(x) // the pair and how it is judged, without a measurement
	if len(f.prior) == 0 {
		if path, e, found := knownRun(f.out, like); found {
			p.note("this pair was measured before, on %s, and the verdict was %s; that run does not count here. To judge both together: --prior %s",
				e.Document.Provenance.StartedAt.UTC().Format("2006-01-02 15:04 UTC"), e.Verdict, path)
		}
		return nil, nil
	}
	earlier, notes, err := readPrior(f.prior, like)
	p.notes(notes)
	return earlier, err
}
