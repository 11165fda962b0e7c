package refstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A log cut at any byte gives exactly the records that are whole.
func TestAnyTornLog(t *testing.T) {
	var log bytes.Buffer
	w := &wal{file: memoryFile{Buffer: &log}}
	var ends []int
	for i := range 6 {
		if err := w.append(func(b []byte) []byte { return spaceRecord(b, fmt.Sprint("space", i), time.Now()) }); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, log.Len())
	}
	rapid.Check(t, func(t *rapid.T) {
		cut := rapid.IntRange(0, log.Len()).Draw(t, "cut")
		whole := 0
		for whole < len(ends) && ends[whole] <= cut {
			whole++
		}
		seen := 0
		_, err := readLog(bytes.NewReader(log.Bytes()[:cut]), int64(cut), func(entry) error { seen++; return nil })
		if err != nil || seen != whole {
			t.Errorf("cut at %d: %d records and error %v, want %d", cut, seen, err, whole)
		}
	})
}

// memoryFile is a log file in memory that runs full.
type memoryFile struct {
	*bytes.Buffer
	room     *int // nil: endless
	truncate error
}

func (f memoryFile) Write(b []byte) (int, error) {
	if f.room == nil || len(b) <= *f.room {
		if f.room != nil {
			*f.room -= len(b)
		}
		return f.Buffer.Write(b)
	}
	n, _ := f.Buffer.Write(b[:*f.room])
	*f.room = 0
	return n, syscall.ENOSPC
}

func (f memoryFile) Truncate(size int64) error {
	if f.truncate == nil {
		f.Buffer.Truncate(int(size))
	}
	return f.truncate
}

func (f memoryFile) Seek(offset int64, _ int) (int64, error) { return offset, nil }
func (f memoryFile) Close() error                            { return nil }

var _ io.Seeker = memoryFile{}

func TestFullDisk(t *testing.T) {
	record := func(b []byte) []byte { return spaceRecord(b, "some_space", time.Unix(0, 0)) }
	room := 40
	f := memoryFile{Buffer: new(bytes.Buffer), room: &room}
	w := &wal{path: "/data/wal-0.log", file: f}
	if err := w.append(record); err != nil {
		t.Fatal(err)
	}
	err := w.append(record)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "/data/wal-0.log: nothing was stored") {
		t.Errorf("error %v", err)
	}
	room = 100
	if err := w.append(record); err != nil {
		t.Errorf("after space was freed: %v", err)
	}
	n := 0
	if _, err := readLog(bytes.NewReader(f.Bytes()), int64(f.Len()), func(entry) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("log has %d records and error %v, want 2", n, err)
	}
}

func TestFailedUndoStopsTheLog(t *testing.T) {
	room := 3
	w := &wal{path: "wal", file: memoryFile{Buffer: new(bytes.Buffer), room: &room, truncate: syscall.EIO}}
	record := func(b []byte) []byte { return spaceRecord(b, "some_space", time.Unix(0, 0)) }
	if err := w.append(record); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("first error %v", err)
	}
	room = 1000
	if err := w.append(record); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "restart the store") {
		t.Errorf("second error %v", err)
	}
}

func FuzzReadLog(f *testing.F) {
	var log bytes.Buffer
	w := &wal{file: memoryFile{Buffer: &log}}
	for _, encode := range []func([]byte) []byte{
		func(b []byte) []byte { return spaceRecord(b, "second", time.Unix(1, 2)) },
		func(b []byte) []byte {
			return episodeRecord(b, "second", episode{id: "a", content: "text"}, []float32{1, 2}, []string{"b"})
		},
	} {
		if err := w.append(encode); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(log.Bytes())
	f.Add(log.Bytes()[:log.Len()-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStore(time.Now())
		sound, err := readLog(bytes.NewReader(b), int64(len(b)), s.replay)
		if sound < 0 || sound > int64(len(b)) {
			t.Fatalf("sound part of %d bytes is %d", len(b), sound)
		}
		if err != nil {
			return
		}
		again := newStore(time.Now())
		if n, err := readLog(bytes.NewReader(b[:sound]), sound, again.replay); err != nil || n != sound {
			t.Errorf("the sound part reads as %d, %v", n, err)
		}
	})
}

// The checksum keeps most fuzzed logs out, so records are fuzzed by themselves.
func FuzzParseRecord(f *testing.F) {
	f.Add(spaceRecord(nil, "second", time.Unix(1, 2)))
	f.Add(episodeRecord(nil, "second", episode{id: "a", content: "text", confidence: 0.5, observed: 1, stored: 2}, []float32{1, 2}, []string{"b"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseRecord(b)
		if err != nil || b[0] != recordEpisode {
			return
		}
		again, err := parseRecord(episodeRecord(nil, e.space, e.episode, e.vector, e.replaces))
		if err != nil {
			t.Fatalf("encoded again: %v", err)
		}
		// NaN differs from itself: compare the bytes.
		if x, y := episodeRecord(nil, e.space, e.episode, e.vector, e.replaces), episodeRecord(nil, again.space, again.episode, again.vector, again.replaces); !bytes.Equal(x, y) {
			t.Errorf("%x became %x", x, y)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"format":"fivegate/refstore/v1","generation":1,"dimension":2,"dimension_fixed":true,"spaces":[{"id":"default","created_at":"2025-01-01T00:00:00Z","episodes":1,"concepts":1}],"embeddings":{"bytes":8,"crc32c":1},"episodes":{"bytes":9,"crc32c":2}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		if m.Dimension < 1 || m.Embeddings.Bytes < 0 {
			t.Errorf("accepted %+v", m)
		}
	})
}
