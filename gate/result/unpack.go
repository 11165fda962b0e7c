package result

import (
	"runtime"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// packedValue is a value of the document that is compressed.
type packedValue interface {
	decode(packed []byte, budget *inflateBudget) error
}

// unpacker inflates values while the rest of the document is being read: that
// takes longer than the reading itself.
type unpacker struct {
	budget *inflateBudget
	batch  []unpackJob
	work   chan []unpackJob
	done   sync.WaitGroup

	mu    sync.Mutex
	fault *readFault // the first in the document
	first int        // its job
	jobs  int
}

type unpackJob struct {
	number int
	path   jsontext.Pointer
	packed []byte
	value  packedValue
}

const unpackBatch = 64 // jobs handed over at once

func newUnpacker() *unpacker {
	workers := runtime.GOMAXPROCS(0)
	u := &unpacker{budget: newInflateBudget(), work: make(chan []unpackJob, 2*workers)}
	for range workers {
		u.done.Go(u.run)
	}
	return u
}

func (u *unpacker) run() {
	for batch := range u.work {
		for _, job := range batch {
			if err := job.value.decode(job.packed, u.budget); err != nil {
				u.fail(job.number, &readFault{job.path, err.Error()})
			}
		}
	}
}

func (u *unpacker) fail(number int, fault *readFault) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fault == nil || number < u.first {
		u.fault, u.first = fault, number
	}
}

// submit hands the base64 text of a value to the workers. The value must not
// be looked at before finish.
func (u *unpacker) submit(dec *jsontext.Decoder, value packedValue) error {
	if dec.PeekKind() != '"' {
		return wrongKind(dec, "a string of base64")
	}
	quoted, err := dec.ReadValue()
	if err != nil {
		return err
	}
	text := quoted[1 : len(quoted)-1] // base64 needs no escapes
	packed, err := strictBase64.AppendDecode(make([]byte, 0, strictBase64.DecodedLen(len(text))), text)
	if err != nil {
		return &readFault{dec.StackPointer(), "is not base64: " + err.Error()}
	}
	u.batch = append(u.batch, unpackJob{u.jobs, dec.StackPointer(), packed, value})
	if u.jobs++; len(u.batch) == unpackBatch {
		u.work <- u.batch
		u.batch = make([]unpackJob, 0, unpackBatch)
	}
	return nil
}

// finish waits for the workers and returns the first fault in the document.
func (u *unpacker) finish() error {
	u.work <- u.batch
	close(u.work)
	u.done.Wait()
	if u.fault != nil {
		return u.fault
	}
	return nil
}

// packedReader returns the function that reads a compressed value.
func packedReader[T any, P interface {
	*T
	packedValue
}](u *unpacker) *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *T) error { return u.submit(dec, P(v)) })
}
