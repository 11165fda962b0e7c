package refstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
)

// castagnoli is the CRC that processors compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// recordHeader is the size of what precedes each record: its length and its
// CRC-32C, both 32 bits little-endian.
const recordHeader = 8

// logFile is what the log needs of a file; tests fill the disk through it.
type logFile interface {
	io.Writer
	io.Seeker
	Truncate(size int64) error
	Close() error
}

// wal is the write-ahead log: records, one after another. It is not synced: like
// Engram's it survives the end of the process, not always a power cut.
type wal struct {
	mu     sync.Mutex
	path   string
	file   logFile
	size   int64
	broken error // set when a failed write could not be undone
	buffer []byte
}

// append writes one record, which encode appends to its argument. When it fails,
// nothing is left of the record.
func (w *wal) append(encode func([]byte) []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return fmt.Errorf("append to %s: an earlier failure could not be undone; restart the store: %w", w.path, w.broken)
	}
	b := encode(append(w.buffer[:0], make([]byte, recordHeader)...))
	w.buffer = b
	record := b[recordHeader:]
	binary.LittleEndian.PutUint32(b, uint32(len(record)))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(record, castagnoli))
	if _, err := w.file.Write(b); err != nil {
		w.undo()
		return fmt.Errorf("append to %s: nothing was stored; free some space: %w", w.path, err)
	}
	w.size += int64(len(b))
	return nil
}

// undo cuts off what a failed write left.
func (w *wal) undo() {
	err := w.file.Truncate(w.size)
	if err == nil {
		_, err = w.file.Seek(w.size, io.SeekStart)
	}
	w.broken = err
}

// openWAL opens or creates a log, hands each record to replay, and cuts off a torn
// end, whose length it returns.
func openWAL(path string, replay func(entry) error) (*wal, int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, 0, err
	}
	w := &wal{path: path, file: f}
	torn, err := w.recover(f, replay)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return w, torn, nil
}

// recover replays a log and prepares it for appending.
func (w *wal) recover(f *os.File, replay func(entry) error) (torn int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	w.size, err = readLog(f, info.Size(), replay)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", w.path, err)
	}
	if torn = info.Size() - w.size; torn > 0 {
		if err := f.Truncate(w.size); err != nil {
			return 0, fmt.Errorf("cut off the torn end: %w", err)
		}
	}
	_, err = f.Seek(w.size, io.SeekStart)
	return torn, err
}

// readLog hands the records of a log of the given size to replay and returns the
// size of the sound part. A damaged record that reaches the end of the log was
// being written when the process died, and is left out; one before that is an
// error, since what follows it was answered as stored.
func readLog(r io.Reader, size int64, replay func(entry) error) (int64, error) {
	r = io.LimitReader(r, size)
	var at int64
	var header [recordHeader]byte
	var record []byte
	for {
		if size-at < recordHeader {
			return at, nil
		}
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return at, err
		}
		n := int64(binary.LittleEndian.Uint32(header[:]))
		if n > maxRecord {
			return at, fmt.Errorf("damaged record at byte %d: it claims %d bytes; restore the data directory from a copy or empty it", at, n)
		}
		next := at + recordHeader + n
		if next > size {
			return at, nil
		}
		if int64(cap(record)) < n {
			record = make([]byte, n)
		}
		record = record[:n]
		if _, err := io.ReadFull(r, record); err != nil {
			return at, err
		}
		if crc32.Checksum(record, castagnoli) != binary.LittleEndian.Uint32(header[4:]) {
			if next == size {
				return at, nil
			}
			return at, fmt.Errorf("damaged record at byte %d: its checksum does not match; restore the data directory from a copy or empty it", at)
		}
		e, err := parseRecord(record)
		if err == nil {
			err = replay(e)
		}
		if err != nil {
			return at, fmt.Errorf("damaged record at byte %d: %w", at, err)
		}
		at = next
	}
}
