// Package artifact reads what the job of a pull request has uploaded, as if an
// adversary had made it: the job runs the pull request's own code, so anyone who
// can open a pull request decides what is in it.
//
// The archive is read in memory, never unpacked to disk. Only files of known
// names are looked at, sizes and ratios are bounded before anything is inflated,
// documents go through the strict reader of gate/result, and their numbers must
// be such that a measurement can yield them. The bundle says for which
// repository, commit and run it was made, and these must be the ones that GitHub
// itself names in the event. Verdicts in the archive are not read: they are
// computed again from the samples.
//
// That a number is possible does not make it true. Who reviews a pull request
// from a stranger still decides; what is ruled out here is that the artifact acts
// on the reporter, or speaks for another commit.
package artifact

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fivegate/fivegate/gate/result"
)

// Limits of an archive. The document of a five-minute check has a third of a
// megabyte; the rest is room for longer ones and more of them.
const (
	MaxArchive = 16 << 20 // bytes, packed
	maxFile    = 8 << 20  // bytes of one file, unpacked
	maxTotal   = 32 << 20 // bytes of all files, unpacked
	maxFiles   = 20
	maxRatio   = 50 // unpacked over packed; JSON around base64 stays under 10
)

// Names that may be in an archive. Verdicts and reports are what gate check
// writes beside a document; they are passed over.
var (
	documentName = regexp.MustCompile(`^(result|confirm)(-[a-z0-9][a-z0-9._-]{0,99})?\.json$`)
	passedOver   = []string{"verdict.json", "report.md"}
)

// Bundle is what an artifact holds.
type Bundle struct {
	Manifest  Manifest
	Documents []Document // by name
}

// Document is one result document and the name of its file.
type Document struct {
	Name   string // harmless: lower-case letters, digits, points, dashes
	Result *result.Document
}

// Read reads an archive whole, or refuses it: nothing is returned beside an
// error. An error is one line without control characters.
func Read(archive []byte, want Origin) (*Bundle, error) {
	files, err := unpack(archive)
	if err != nil {
		return nil, err
	}
	b := &Bundle{}
	manifest, ok := files[ManifestName]
	if !ok {
		return nil, fmt.Errorf("%s is missing: what is not said to be of this run is not believed to be", ManifestName)
	}
	if b.Manifest, err = readManifest(manifest, want); err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestName, err)
	}
	for name, text := range files {
		if name == ManifestName {
			continue
		}
		doc, err := readDocument(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		b.Documents = append(b.Documents, Document{Name: name, Result: doc})
	}
	if len(b.Documents) == 0 {
		return nil, errors.New("there is no result document in it")
	}
	slices.SortFunc(b.Documents, func(a, b Document) int { return strings.Compare(a.Name, b.Name) })
	return b, nil
}

// readDocument reads one document. What the strict reader says may quote the
// document, and is made one harmless line.
func readDocument(text []byte) (*result.Document, error) {
	doc, err := result.Read(bytes.NewReader(text))
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	if err := plausible(doc); err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	return doc, nil
}

// maxReason is the most characters of a refusal that are passed on.
const maxReason = 300

// oneLine makes a message harmless in a log: one line, printable, bounded.
func oneLine(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
	if runes := []rune(clean); len(runes) > maxReason {
		return string(runes[:maxReason]) + "…"
	}
	return clean
}

// centralHeader begins each entry of an archive's directory (PKWARE APPNOTE,
// 4.3.12).
const centralHeader = "PK\x01\x02"

// unpack returns the files of an archive that are to be read, by name.
func unpack(archive []byte) (map[string][]byte, error) {
	if len(archive) > MaxArchive {
		return nil, fmt.Errorf("the archive has more than %d MiB", MaxArchive>>20)
	}
	// Counted before the directory is parsed, which costs memory for each entry.
	// Packed data can hold the mark by chance, once in 4 GiB.
	if n := bytes.Count(archive, []byte(centralHeader)); n > maxFiles+1 {
		return nil, fmt.Errorf("the archive has more than %d files", maxFiles)
	}
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are checked below
		return nil, fmt.Errorf("not a ZIP archive: %w", err)
	}
	if len(r.File) > maxFiles {
		return nil, fmt.Errorf("the archive has %d files, allowed are %d", len(r.File), maxFiles)
	}
	files, seen, total := map[string][]byte{}, map[string]bool{}, uint64(0)
	for _, f := range r.File {
		if err := checkEntry(&f.FileHeader); err != nil {
			return nil, err
		}
		if seen[f.Name] {
			return nil, fmt.Errorf("%s is in the archive twice", f.Name)
		}
		seen[f.Name] = true
		if total += f.UncompressedSize64; total > maxTotal {
			return nil, fmt.Errorf("the files have more than %d MiB", maxTotal>>20)
		}
		if slices.Contains(passedOver, f.Name) {
			continue
		}
		if files[f.Name], err = readEntry(f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return files, nil
}

// checkEntry refuses an entry by its header, before anything of it is read.
func checkEntry(h *zip.FileHeader) error {
	if err := checkName(h.Name); err != nil {
		return fmt.Errorf("file %s: %w", oneLine(fmt.Sprintf("%.80q", h.Name)), err)
	}
	why := ""
	switch {
	case !h.Mode().IsRegular():
		why = "is a link, directory or device, not a file"
	case h.Flags&1 != 0:
		why = "is encrypted"
	case h.Method != zip.Store && h.Method != zip.Deflate:
		why = fmt.Sprintf("is packed by method %d, which is not known", h.Method)
	case h.UncompressedSize64 > maxFile:
		why = fmt.Sprintf("has more than %d MiB", maxFile>>20)
	case h.UncompressedSize64 > maxRatio*max(h.CompressedSize64, 1):
		why = fmt.Sprintf("unpacks to more than %d times its size", maxRatio)
	default:
		return nil
	}
	return fmt.Errorf("%s %s", h.Name, why)
}

func checkName(name string) error {
	switch {
	case !utf8.ValidString(name), strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("the name has characters that do not show")
	case strings.Contains(name, `\`):
		return errors.New("the name has a backslash")
	case strings.HasPrefix(name, "/"), len(name) > 1 && name[1] == ':':
		return errors.New("the path is absolute")
	case slices.Contains(strings.Split(name, "/"), ".."):
		return errors.New("the path leaves the archive")
	case strings.Contains(name, "/"):
		return errors.New("directories are not allowed: the files lie side by side")
	case name == ManifestName, slices.Contains(passedOver, name), documentName.MatchString(name):
		return nil
	}
	return fmt.Errorf("not one of %s, result-NAME.json, confirm-NAME.json, %s", ManifestName, strings.Join(passedOver, ", "))
}

// readEntry reads a file, no further than its header has announced: package zip
// gives an error when there is more, or less, or its checksum differs.
func readEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("cannot be unpacked: %w", err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be unpacked: %w", err)
	}
	if uint64(len(text)) != f.UncompressedSize64 {
		return nil, errors.New("is longer or shorter than it says")
	}
	return text, nil
}
