package refstore

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// format is the version of the data directory.
const format = "fivegate/refstore/v1"

// maxConcepts bounds the concepts of a space; ten million episodes form some
// thousand. A larger figure is taken for damage.
const maxConcepts = 1 << 17

// maxManifest bounds manifest.json, in bytes; a thousand spaces need about 100 kB.
const maxManifest = 16 << 20

// manifest is the content of manifest.json.
type manifest struct {
	Format     string          `json:"format"`
	Generation uint64          `json:"generation"`
	Dimension  int             `json:"dimension"`
	Fixed      bool            `json:"dimension_fixed"`
	Spaces     []spaceManifest `json:"spaces"`
	Embeddings checksum        `json:"embeddings"`
	Episodes   checksum        `json:"episodes"`
}

// spaceManifest describes a space; the spaces follow one another in the files.
type spaceManifest struct {
	ID       string    `json:"id"`
	Created  time.Time `json:"created_at"`
	Episodes int       `json:"episodes"`
	Concepts int       `json:"concepts"`
}

// checksum pins the content of a file.
type checksum struct {
	Bytes  int64  `json:"bytes"`
	CRC32C uint32 `json:"crc32c"`
}

// sum computes the checksum of what passes through it.
type sum struct {
	to    io.Writer
	hash  hash.Hash32
	bytes int64
}

func (s *sum) Write(b []byte) (int, error) {
	n, err := s.to.Write(b)
	_, _ = s.hash.Write(b[:n]) // never fails
	s.bytes += int64(n)
	return n, err
}

// writeSnapshot writes the files of a generation, and the manifest when they are
// complete. They are not synced: after a power cut the checksums tell.
func writeSnapshot(f *files, generation uint64, from *store) error {
	m := manifest{Format: format, Generation: generation}
	m.Dimension, m.Fixed = from.expected()
	spaces := from.list()
	for _, sp := range spaces {
		m.Spaces = append(m.Spaces, spaceManifest{ID: sp.id, Created: sp.created, Episodes: sp.live, Concepts: len(sp.index.concepts)})
	}
	var err error
	m.Embeddings, err = writeFile(f.path("embeddings", generation, "f32"), spaces, func(b []byte, sp *space, i uint32) []byte {
		return appendFloats(b, sp.vectors.row(i))
	})
	if err != nil {
		return err
	}
	m.Episodes, err = writeFile(f.path("episodes", generation, "bin"), spaces, func(b []byte, sp *space, i uint32) []byte {
		return binary.LittleEndian.AppendUint32(appendMeta(b, sp.episodes[i]), sp.index.of[i])
	})
	if err != nil {
		return err
	}
	return writeManifest(f.dir, m)
}

// writeFile writes what encode appends for each living episode.
func writeFile(path string, spaces []*space, encode func([]byte, *space, uint32) []byte) (c checksum, err error) {
	f, err := os.Create(path)
	if err != nil {
		return checksum{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s := &sum{to: f, hash: crc32.New(castagnoli)}
	w := bufio.NewWriterSize(s, 1<<20)
	var b []byte
	for _, sp := range spaces {
		for i := range sp.episodes {
			if sp.episodes[i].dead {
				continue
			}
			b = encode(b[:0], sp, uint32(i))
			if _, err := w.Write(b); err != nil {
				return checksum{}, err
			}
		}
	}
	err = w.Flush()
	return checksum{Bytes: s.bytes, CRC32C: s.hash.Sum32()}, err
}

// writeManifest replaces manifest.json in one step.
func writeManifest(dir string, m manifest) error {
	text, err := json.Marshal(m, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	draft := filepath.Join(dir, "manifest.json.new")
	if err := os.WriteFile(draft, append(text, '\n'), 0o644); err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	return os.Rename(draft, filepath.Join(dir, "manifest.json"))
}

// errNoManifest is the error of readSnapshot for a directory without a manifest.
var errNoManifest = errors.New("no manifest.json")

// readSnapshot fills a store from a data directory and returns the generation.
func readSnapshot(dir string, into *store) (uint64, error) {
	path := filepath.Join(dir, "manifest.json")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, errNoManifest
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return 0, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w; restore the data directory from a copy or empty it", path, err)
	}
	if err := m.load(dir, into); err != nil {
		return 0, fmt.Errorf("snapshot %d in %s: %w; restore the data directory from a copy or empty it", m.Generation, dir, err)
	}
	return m.Generation, nil
}

// parseManifest decodes and checks a manifest.
func parseManifest(text []byte) (manifest, error) {
	var m manifest
	if err := json.Unmarshal(text, &m, json.RejectUnknownMembers(true)); err != nil {
		return manifest{}, err
	}
	if m.Format != format {
		return manifest{}, fmt.Errorf("format is %q, want %q", clip(m.Format), format)
	}
	if m.Dimension < 1 || m.Dimension > maxDimension {
		return manifest{}, fmt.Errorf("dimension is %d, want 1 to %d", m.Dimension, maxDimension)
	}
	var episodes int64
	seen := map[string]bool{}
	for _, sp := range m.Spaces {
		if err := checkSpaceID(sp.ID); err != nil {
			return manifest{}, err
		}
		if seen[sp.ID] {
			return manifest{}, fmt.Errorf("memory space %q is listed twice", sp.ID)
		}
		seen[sp.ID] = true
		if sp.Episodes < 0 || sp.Episodes > math.MaxInt32 || sp.Concepts < 0 || sp.Concepts > maxConcepts || (sp.Concepts == 0 && sp.Episodes > 0) {
			return manifest{}, fmt.Errorf("memory space %q has %d episodes in %d concepts", sp.ID, sp.Episodes, sp.Concepts)
		}
		episodes += int64(sp.Episodes)
	}
	if want := episodes * int64(m.Dimension) * 4; m.Embeddings.Bytes != want {
		return manifest{}, fmt.Errorf("embeddings have %d bytes, want %d", m.Embeddings.Bytes, want)
	}
	return m, nil
}

// load reads the files that a manifest names.
func (m *manifest) load(dir string, into *store) error {
	into.dimension, into.fixed = m.Dimension, m.Fixed
	clear(into.spaces)
	f := files{dir: dir}
	embeddings, err := openChecked(f.path("embeddings", m.Generation, "f32"), m.Embeddings)
	if err != nil {
		return err
	}
	defer embeddings.file.Close()
	text, err := readChecked(f.path("episodes", m.Generation, "bin"), m.Episodes)
	if err != nil {
		return err
	}
	p := parser{rest: text}
	for _, described := range m.Spaces {
		sp := newSpace(described.ID, described.Created, m.Dimension)
		into.spaces[sp.id] = sp
		if err := sp.load(described, &p, embeddings); err != nil {
			return fmt.Errorf("memory space %q: %w", sp.id, err)
		}
	}
	if err := p.end(); err != nil {
		return fmt.Errorf("episodes: %w", err)
	}
	return embeddings.verify()
}

// load reads the episodes of a space and makes its indexes.
func (s *space) load(described spaceManifest, p *parser, embeddings *checkedFile) error {
	for range described.Concepts {
		s.index.open()
	}
	raw := make([]byte, 4*s.vectors.dimension)
	v := make([]float32, s.vectors.dimension)
	for range described.Episodes {
		e, c := p.meta(), p.uint32()
		if p.err != nil {
			return p.err
		}
		if int64(c) >= int64(described.Concepts) {
			return fmt.Errorf("memory %q is of concept %d, but there are %d", clip(e.id), c, described.Concepts)
		}
		if _, err := io.ReadFull(embeddings, raw); err != nil {
			return err
		}
		floats(v, raw)
		s.append(e, v)
		s.index.restore(c, &s.vectors)
	}
	for c := range s.index.concepts {
		s.index.settle(uint32(c))
		s.index.measure(uint32(c), &s.vectors)
	}
	return nil
}

// restore gives the newest episode the concept that it had.
func (x *conceptIndex) restore(c uint32, episodes *matrix) {
	i := uint32(len(x.of))
	x.of = append(x.of, c)
	k := &x.concepts[c]
	k.members = append(k.members, i)
	axpy(episodes.inverse[i], episodes.row(i), k.sum)
}

// checkedFile reads a file and computes its checksum on the way.
type checkedFile struct {
	*bufio.Reader
	file *os.File
	hash hash.Hash32
	want checksum
}

// openChecked opens a file for reading once; its size is checked at once.
func openChecked(path string, want checksum) (*checkedFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	c := &checkedFile{file: f, hash: crc32.New(castagnoli), want: want}
	c.Reader = bufio.NewReaderSize(io.TeeReader(f, c.hash), 1<<20)
	info, err := f.Stat()
	if err == nil && info.Size() != want.Bytes {
		err = fmt.Errorf("%s has %d bytes, want %d", filepath.Base(path), info.Size(), want.Bytes)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// verify compares the checksum after the whole file has been read.
func (c *checkedFile) verify() error {
	if got := c.hash.Sum32(); got != c.want.CRC32C {
		return fmt.Errorf("%s is damaged: its checksum is %08x, want %08x", filepath.Base(c.file.Name()), got, c.want.CRC32C)
	}
	return nil
}

// readChecked reads a whole file.
func readChecked(path string, want checksum) ([]byte, error) {
	c, err := openChecked(path, want)
	if err != nil {
		return nil, err
	}
	defer c.file.Close()
	b := make([]byte, want.Bytes)
	if _, err := io.ReadFull(c, b); err != nil {
		return nil, err
	}
	return b, c.verify()
}
