package dataset

import (
	"math/bits"
	"slices"
)

// Sizes of the texts. 4,096 words with the offset below give the commonest word
// a share of about 1.5%, so that it stands in about one text of six: common
// enough to make long posting lists, rare enough that a four-word cue is nearly
// always unique among 100,000 texts.
const (
	vocabularySize = 4096
	zipfOffset     = 10 // Mandelbrot's q in 1/(rank+q)
	minWords       = 10
	wordSpread     = 6 // texts have minWords to minWords+wordSpread-1 words
)

// vocabulary draws words with Zipf–Mandelbrot frequencies.
type vocabulary struct {
	words      []string
	cumulative []uint64 // integer weights, summed: no rounding to differ by machine
}

// newVocabulary spells the words and sums their weights.
func newVocabulary() vocabulary {
	v := vocabulary{words: make([]string, vocabularySize), cumulative: make([]uint64, vocabularySize)}
	var sum uint64
	for rank := range vocabularySize {
		v.words[rank] = spell(rank)
		sum += (1 << 40) / uint64(rank+1+zipfOffset)
		v.cumulative[rank] = sum
	}
	return v
}

// spell writes a rank as syllables, a bijection: "baba", "baca", and so on.
func spell(rank int) string {
	const consonants, vowels = "bcdfghjklmnprstvwxyz", "aeiou"
	const syllables = len(consonants) * len(vowels)
	var word []byte
	for n := rank + syllables; n > 0; n /= syllables {
		s := n % syllables
		word = append(word, consonants[s%len(consonants)], vowels[s/len(consonants)])
	}
	return string(word)
}

// word maps a hash to a word.
func (v *vocabulary) word(h uint64) string {
	at, _ := bits.Mul64(h, v.cumulative[len(v.cumulative)-1])
	rank, found := slices.BinarySearch(v.cumulative, at)
	if found { // cumulative[rank] is the first value that belongs to the next word
		rank++
	}
	return v.words[rank]
}

// Content appends the text of item index to dst: 10 to 15 lower-case ASCII words
// with Zipf-like frequencies, one space between two.
func (g *Generator) Content(dst []byte, index uint64) []byte {
	return g.Words(dst, index, 0, minWords+wordSpread)
}

// Words appends count consecutive words of item index's text, from word number
// first on, as Content writes them; fewer where the text ends before. It makes
// cues that occur literally in what was stored.
func (g *Generator) Words(dst []byte, index uint64, first, count int) []byte {
	key := mix(g.contents + index*golden)
	length := minWords + int(mix(key)%wordSpread)
	for i := first; i < min(first+count, length); i++ {
		if i > first {
			dst = append(dst, ' ')
		}
		dst = append(dst, g.words.word(mix(key+uint64(i+1)*golden))...)
	}
	return dst
}
