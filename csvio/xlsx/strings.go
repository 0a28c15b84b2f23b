package xlsx

import (
	"context"
	"encoding/binary"
	"slices"
)

const (
	chunkSize  = 1 << 20 // fits the longest text
	indexSize  = 1 << 16
	maxStrings = 128 << 20 // memory for them
)

// A table holds the shared strings in large chunks, each string preceded by its
// length, so that a million of them cost little more than their bytes.
type table struct {
	chunks  []string
	filling []byte     // the last chunk
	index   [][]uint32 // chunk and offset of each string
	struck  []uint32   // the numbers of those that are crossed out, in order
	count   int
}

func (t *table) add(text []byte) error {
	place := uint32(0) // where the empty string is
	if len(text) > 0 {
		if len(t.filling)+binary.MaxVarintLen32+len(text) > chunkSize {
			t.close()
		}
		place = uint32(len(t.chunks)*chunkSize + len(t.filling))
		t.filling = append(binary.AppendUvarint(t.filling, uint64(len(text))), text...)
	}
	if t.count%indexSize == 0 {
		t.index = append(t.index, make([]uint32, 0, indexSize))
	}
	last := len(t.index) - 1
	t.index[last] = append(t.index[last], place)
	if t.count++; len(t.chunks)*chunkSize+t.count*4 > maxStrings {
		return tooLarge("it has too many different texts")
	}
	return nil
}

// close completes the last chunk.
func (t *table) close() {
	t.chunks = append(t.chunks, string(t.filling))
	t.filling = t.filling[:0]
}

// get returns a string by its number.
func (t *table) get(number int) (text string, ok bool) {
	if number >= t.count {
		return "", false
	}
	place := t.index[number/indexSize][number%indexSize]
	rest := t.chunks[place/chunkSize][place%chunkSize:]
	size, i := int(rest[0]&0x7f), 1
	for ; rest[i-1] >= 0x80; i++ {
		size |= int(rest[i]&0x7f) << (7 * i)
	}
	return rest[i : i+size], true
}

// strikes reports whether a string is crossed out, in whole or in part.
func (t *table) strikes(number int) bool {
	_, found := slices.BinarySearch(t.struck, uint32(number))
	return found
}

// loadStrings reads the shared strings if that has not been done.
func (b *Book) loadStrings(ctx context.Context) error {
	if b.strings != nil {
		return nil
	}
	t := &table{filling: make([]byte, 1)}
	if b.stringsPart != "" {
		err := b.walk(ctx, b.stringsPart, maxPart, "sst", func(s *scanner) (err error) {
			var text []byte
			return s.each(func() error {
				if !s.is("si") {
					return nil
				}
				if text, err = s.appendRich(text[:0]); err != nil {
					return err
				}
				if s.struck {
					t.struck = append(t.struck, uint32(t.count))
				}
				return t.add(text)
			})
		})
		if err != nil {
			return err
		}
	}
	t.close()
	t.filling = nil
	b.strings = t
	return nil
}
