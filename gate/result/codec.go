package result

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// The wire form of a histogram is HdrHistogram's V2 compressed encoding
// (HdrHistogram, AbstractHistogram.encodeIntoCompressedByteBuffer), in base64:
// a cookie, the length of what follows, and in zlib a header of 40 bytes and
// the counters. Integers are big-endian.
const (
	cookieV2           = 0x1c849303 | 0x10 // 0x10: counters are zig-zag LEB128
	cookieV2Compressed = 0x1c849304 | 0x10
	cookieIgnored      = 0xf0 // bits of a cookie that say how wide counters were in older formats
	envelopeSize       = 8
	headerSize         = 40
	maxCounterSize     = 9 // bytes
	maxHistogramSize   = headerSize + bucketCount*maxCounterSize
)

// maxSamples is the most that one encoded histogram may hold. It is beyond any
// slice (twelve days at a million a second), and so small that the histograms
// of any document can be merged without overflow.
const maxSamples = 1 << 40

// strictBase64 refuses stray bits, so that a text has one meaning only.
var strictBase64 = base64.StdEncoding.Strict()

// AppendText appends the HdrHistogram V2 compressed encoding, in base64.
func (h *Histogram) AppendText(b []byte) ([]byte, error) {
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	var counters []byte
	if h != nil {
		counters = h.counters
	}
	raw := binary.BigEndian.AppendUint32(d.scratch[:0], cookieV2)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(counters)))
	raw = binary.BigEndian.AppendUint32(raw, 0) // normalising index offset: none
	raw = binary.BigEndian.AppendUint32(raw, significantDigits)
	raw = binary.BigEndian.AppendUint64(raw, 1) // lowest discernible value
	raw = binary.BigEndian.AppendUint64(raw, maxValue)
	raw = binary.BigEndian.AppendUint64(raw, math.Float64bits(1)) // integer to double conversion ratio
	raw = append(raw, counters...)
	d.scratch = raw

	d.out.Reset()
	d.out.Write(new([envelopeSize]byte)[:]) // filled in below
	if err := d.deflate(raw); err != nil {
		return nil, fmt.Errorf("compress histogram: %w", err)
	}
	envelope := d.out.Bytes()
	binary.BigEndian.PutUint32(envelope, cookieV2Compressed)
	binary.BigEndian.PutUint32(envelope[4:], uint32(len(envelope)-envelopeSize))
	return strictBase64.AppendEncode(b, envelope), nil
}

// MarshalText returns the HdrHistogram V2 compressed encoding, in base64.
func (h *Histogram) MarshalText() ([]byte, error) { return h.AppendText(nil) }

// UnmarshalText reads the HdrHistogram V2 compressed encoding, in base64, of a
// histogram with this package's unit, precision and range. Nothing else is
// accepted, and h is not changed on error.
func (h *Histogram) UnmarshalText(text []byte) error {
	packed, err := strictBase64.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("histogram is not base64: %w", err)
	}
	return h.decode(packed, nil)
}

// decode reads an encoded histogram and takes its inflated size from budget.
func (h *Histogram) decode(packed []byte, budget *inflateBudget) error {
	if len(packed) < envelopeSize {
		return fmt.Errorf("histogram has %d bytes, fewer than its envelope of %d", len(packed), envelopeSize)
	}
	if cookie := binary.BigEndian.Uint32(packed); cookie&^cookieIgnored != cookieV2Compressed&^cookieIgnored {
		return fmt.Errorf("histogram starts with %#x: not HdrHistogram's V2 compressed encoding", cookie)
	}
	if length := binary.BigEndian.Uint32(packed[4:]); int(length) != len(packed)-envelopeSize {
		return fmt.Errorf("histogram announces %d compressed bytes and has %d", length, len(packed)-envelopeSize)
	}
	d := inflaters.Get().(*inflater)
	defer inflaters.Put(d)
	raw, err := d.inflate(packed[envelopeSize:], maxHistogramSize, budget)
	if err != nil {
		return fmt.Errorf("decompress histogram: %w", err)
	}
	if err := checkHistogramHeader(raw); err != nil {
		return err
	}
	decoded, err := decodeCounters(raw[headerSize:])
	if err != nil {
		return err
	}
	*h = *decoded
	return nil
}

// checkHistogramHeader refuses any index space but this package's. The
// normalising index offset describes only the memory of whoever wrote the
// histogram, and is ignored.
func checkHistogramHeader(raw []byte) error {
	if len(raw) < headerSize {
		return fmt.Errorf("histogram has %d bytes inside, fewer than its header of %d", len(raw), headerSize)
	}
	if cookie := binary.BigEndian.Uint32(raw); cookie&^cookieIgnored != cookieV2&^cookieIgnored {
		return fmt.Errorf("histogram has %#x inside: not HdrHistogram's V2 encoding", cookie)
	}
	if length := binary.BigEndian.Uint32(raw[4:]); int(length) != len(raw)-headerSize {
		return fmt.Errorf("histogram announces %d bytes of counters and has %d", length, len(raw)-headerSize)
	}
	digits, lowest := binary.BigEndian.Uint32(raw[12:]), binary.BigEndian.Uint64(raw[16:])
	highest, ratio := binary.BigEndian.Uint64(raw[24:]), math.Float64frombits(binary.BigEndian.Uint64(raw[32:]))
	if digits != significantDigits || lowest != 1 || highest != maxValue || ratio != 1 {
		return fmt.Errorf("histogram has %d digits from %d to %d and ratio %g; need %d digits of nanoseconds from 1 to %d and ratio 1",
			digits, lowest, highest, ratio, significantDigits, int64(maxValue))
	}
	return nil
}

// decodeCounters checks counters, and copies them in their canonical form.
func decodeCounters(counters []byte) (*Histogram, error) {
	index, total := 0, int64(0)
	canonical, empty := true, false // empty: the last counter was for empty buckets
	for rest := counters; len(rest) > 0; {
		counter, size := readCounter(rest)
		if size == 0 {
			return nil, errors.New("histogram ends within a counter")
		}
		shortest := size == 1 || rest[size-1] != 0
		rest = rest[size:]
		if room := int64(bucketCount - index); room == 0 || counter < -room {
			return nil, fmt.Errorf("histogram has more than its %d buckets", bucketCount)
		}
		if counter > maxSamples-total {
			return nil, fmt.Errorf("histogram has more than %d samples", int64(maxSamples))
		}
		index += int(max(1, -counter)) // a counter below 0 is for as many empty buckets
		total += max(0, counter)
		canonical = canonical && shortest && counter != -1 && !(empty && counter <= 0)
		empty = counter <= 0
	}
	h := &Histogram{total: total, counters: counters}
	if canonical && !empty {
		h.counters = slices.Clone(counters)
		return h, nil
	}
	var w counterWriter
	for index, count := range h.buckets() {
		w.add(index, count)
	}
	return w.histogram(), nil
}

// counterWriter builds the counters of a histogram in canonical form: a count
// above zero for a bucket in use, 0 for one empty bucket, −n for n > 1 empty
// buckets in a row, and nothing after the last bucket in use.
type counterWriter struct {
	counters []byte
	next     int // first bucket not written yet
	total    int64
}

// add appends a bucket; index ascends from call to call and count is positive.
func (w *counterWriter) add(index int, count int64) {
	switch gap := index - w.next; {
	case gap == 1:
		w.counters = append(w.counters, 0)
	case gap > 1:
		w.counters = appendCounter(w.counters, -int64(gap))
	}
	w.counters = appendCounter(w.counters, count)
	w.next = index + 1
	w.total += count
}

// histogram returns what was added, in no more memory than it needs.
func (w *counterWriter) histogram() *Histogram {
	return &Histogram{total: w.total, counters: slices.Clip(w.counters)}
}

// appendCounter appends a number in zig-zag LEB128 of up to nine bytes, the
// ninth of which holds eight bits.
func appendCounter(b []byte, v int64) []byte {
	u := uint64(v<<1) ^ uint64(v>>63)
	for range maxCounterSize - 1 {
		if u < 0x80 {
			return append(b, byte(u))
		}
		b = append(b, byte(u)|0x80)
		u >>= 7
	}
	return append(b, byte(u))
}

// readCounter reads what appendCounter wrote; size is 0 when b ends too early.
func readCounter(b []byte) (v int64, size int) {
	var u uint64
	for i, c := range b {
		if i == maxCounterSize-1 {
			u |= uint64(c) << (7 * i)
			return unzigzag(u), maxCounterSize
		}
		u |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return unzigzag(u), i + 1
		}
	}
	return 0, 0
}

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
