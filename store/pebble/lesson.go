package pebble

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/klauspost/compress/s2"

	"kiln/resources"
)

// lesson gathers resources of a type to learn its vocabulary from. The first is learned early, then
// again from more; a new one serves new versions, the others go on with theirs.
type lesson struct {
	generation int
	seen       int
	samples    [][]byte
	busy       bool
}

const (
	maxGenerations = 3
	firstLesson    = 128 // resources seen before the first vocabulary is learned
	lessonGrowth   = 16  // and how many times more before the next
	maxSamples     = 192
	maxSampleSize  = 16 << 10
	maxVocabulary  = 48 << 10
)

func (l *lesson) due() int {
	n := firstLesson
	for range l.generation {
		n *= lessonGrowth
	}
	return n
}

// observe shows a resource to the lesson of its type, and learns when enough were seen.
func (v *vocabularies) observe(typ code, text []byte) {
	if len(text) > maxSampleSize {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.learned[typ]
	if l == nil {
		l = &lesson{}
		v.learned[typ] = l
	}
	if l.generation >= maxGenerations || l.busy {
		return
	}
	l.seen++
	if len(l.samples) < maxSamples {
		l.samples = append(l.samples, slices.Clone(text))
	} else if i := rand.IntN(l.seen); i < maxSamples { //nolint:gosec // a sample needs no secrecy
		l.samples[i] = slices.Clone(text)
	}
	if l.seen >= l.due() {
		l.busy = true
		v.training.Go(func() { v.learn(typ, l.samples) })
	}
}

// full reports whether a type needs no more observing; it is asked for each write.
func (v *vocabularies) full(typ code) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	l := v.learned[typ]
	return l != nil && (l.generation >= maxGenerations || l.busy)
}

// learn makes and stores a vocabulary. Failing costs nothing but size.
func (v *vocabularies) learn(typ code, samples [][]byte) {
	text := learnVocabulary(samples)
	v.mu.Lock()
	defer v.mu.Unlock()
	generation := v.learned[typ].generation
	v.learned[typ] = &lesson{generation: generation + 1}
	dict := s2.MakeDict(text, nil)
	if dict == nil {
		return
	}
	id := v.last + 1
	key := binary.BigEndian.AppendUint64([]byte{keyVocabulary}, id)
	if err := v.db.Set(key, appendVocabulary(nil, typ, dict), lsm.NoSync); err != nil {
		return
	}
	v.last = id
	v.byID[id] = dict
	v.current[typ] = vocabulary{id, dict}
}

// learnVocabulary joins the parts that many samples share, the most useful last, where the
// compressor reaches them best. What few share, such as names and numbers of one patient, stays out.
func learnVocabulary(samples [][]byte) []byte {
	type part struct{ documents, last int }
	parts := map[string]*part{}
	for i, sample := range samples {
		for _, text := range fragments(sample) {
			p := parts[text]
			if p == nil {
				p = &part{last: -1}
				parts[text] = p
			}
			if p.last != i {
				p.documents, p.last = p.documents+1, i
			}
		}
	}
	shared := make([]string, 0, len(parts))
	for text, p := range parts {
		if p.documents >= max(3, len(samples)/50) {
			shared = append(shared, text)
		}
	}
	gain := func(text string) int { return len(text) * parts[text].documents }
	slices.SortFunc(shared, func(a, b string) int {
		return cmp.Or(gain(b)-gain(a), strings.Compare(a, b))
	})
	return joinParts(shared)
}

func joinParts(best []string) []byte {
	var chosen []string
	var all strings.Builder
	for _, text := range best {
		if all.Len()+len(text) <= maxVocabulary && !strings.Contains(all.String(), text) {
			all.WriteString(text)
			chosen = append(chosen, text)
		}
	}
	slices.Reverse(chosen)
	return []byte(strings.Join(chosen, ""))
}

const (
	minFragment = 8
	maxFragment = 1024
)

// fragments are the texts of all members, items and member names of a resource.
func fragments(text []byte) []string {
	d, err := resources.Parse(text)
	if err != nil {
		return nil
	}
	var list []string
	add := func(s string) {
		if len(s) >= minFragment && len(s) <= maxFragment {
			list = append(list, s)
		}
	}
	for n := range resources.Node(d.Len()) {
		raw := string(d.Raw(n))
		if name := d.Name(n); name != "" {
			label := `"` + name + `":`
			add(label)
			raw = label + raw
		}
		add(raw)
	}
	return list
}
