package refstore

import (
	"slices"
	"strings"
	"unicode"
)

// wordIndex finds episodes by the words that they contain.
type wordIndex struct {
	number   map[string]uint32
	postings [][]uint32 // by word number: the episodes that contain it, ascending
	distinct []uint16   // by episode: how many different words it has, saturating
}

func newWordIndex() wordIndex { return wordIndex{number: map[string]uint32{}} }

// split cuts a text into lower-case words of letters and digits, each once.
func splitWords(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	slices.Sort(words)
	return slices.Compact(words)
}

// add indexes the newest episode.
func (x *wordIndex) add(content string) {
	episode := uint32(len(x.distinct))
	words := splitWords(content)
	x.distinct = append(x.distinct, uint16(min(len(words), 1<<16-1)))
	for _, w := range words {
		n, ok := x.number[w]
		if !ok {
			n = uint32(len(x.postings))
			x.number[strings.Clone(w)] = n // w is a part of the whole text
			x.postings = append(x.postings, nil)
		}
		x.postings[n] = append(x.postings[n], episode)
	}
}

// search offers to best the episodes that share words with the query, scored as
// Engram scores text: 1 where the content contains the query literally, else the
// Jaccard index of the two sets of words.
func (x *wordIndex) search(query string, threshold float32, content func(uint32) (string, bool), best *ranking, s *scratch) {
	words := splitWords(query)
	s.begin(len(x.distinct))
	for _, w := range words {
		if n, ok := x.number[w]; ok {
			for _, i := range x.postings[n] {
				s.add(i, 1)
			}
		}
	}
	for _, i := range s.touched {
		shared := s.level[i]
		score := shared / (float32(len(words)) + float32(x.distinct[i]) - shared)
		whole := int(shared) == len(words)
		if !whole && (score < threshold || score < best.floor()) {
			continue
		}
		text, live := content(i)
		if !live {
			continue
		}
		if whole && strings.Contains(text, query) {
			score = 1
		}
		if score >= threshold {
			best.offer(hit{index: i, score: score})
		}
	}
}

// scratch adds up figures for a few of many episodes. It is kept between uses, and
// only what was touched is cleared.
type scratch struct {
	level   []float32
	touched []uint32
}

// begin makes room for n episodes and clears what the last use left.
func (s *scratch) begin(n int) {
	for _, i := range s.touched {
		s.level[i] = 0
	}
	s.touched = s.touched[:0]
	if len(s.level) < n {
		s.level = make([]float32, n+n/4)
	}
}

// add adds a positive amount for episode i.
func (s *scratch) add(i uint32, amount float32) {
	if s.level[i] == 0 {
		s.touched = append(s.touched, i)
	}
	s.level[i] += amount
}
