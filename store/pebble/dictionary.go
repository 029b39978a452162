package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
)

// dictionary gives short codes to names that repeat in keys. A code, once given, means the same for
// as long as the store lives; none is given again. Codes are written without waiting for the disk:
// the commit that uses one comes after it in the log.
type dictionary struct {
	db     *lsm.DB
	tables [kindEnd]table

	parameters sync.Map // *search.Parameter -> code
	roles      atomic.Pointer[[]role]
}

// kind is what a code stands for.
type kind byte

const (
	kindType      kind = iota + 1 // resource types, two bytes in keys
	kindParameter                 // search parameters, two bytes in keys
	kindSystem                    // systems of tokens, four bytes in keys
	kindUnit                      // units of quantities, four bytes in keys
	kindEnd
)

// maxCodes is how many codes there may be of a kind.
var maxCodes = [kindEnd]uint32{kindType: 1<<16 - 2, kindParameter: 1<<16 - 2, kindSystem: 1<<32 - 2, kindUnit: 1<<32 - 2}

// cachedCodes bounds the names held in memory, for the kinds that data decides on.
const cachedCodes = 1 << 15

// table is what memory holds of one kind.
type table struct {
	mu    sync.RWMutex
	codes map[string]uint32
	texts map[uint32]string
	last  uint32
}

var errCodesExhausted = errors.New("the store has no codes left")

func openDictionary(db *lsm.DB) (*dictionary, error) {
	d := &dictionary{db: db}
	for k := kindType; k < kindEnd; k++ {
		t := &d.tables[k]
		t.codes, t.texts = map[string]uint32{}, map[uint32]string{}
		if err := d.load(k, t); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// load finds the last code of a kind; of types and parameters it reads all.
func (d *dictionary) load(k kind, t *table) error {
	prefix := []byte{keyText, byte(k)}
	it, err := d.db.NewIter(&lsm.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	defer it.Close()
	if it.Last() {
		t.last = binary.BigEndian.Uint32(it.Key()[2:])
	}
	if k <= kindParameter {
		for ok := it.First(); ok; ok = it.Next() {
			t.remember(k, string(it.Value()), binary.BigEndian.Uint32(it.Key()[2:]))
		}
	}
	return it.Error()
}

func (t *table) remember(k kind, text string, c uint32) {
	if k > kindParameter && len(t.codes) >= cachedCodes {
		clear(t.codes)
		clear(t.texts)
	}
	t.codes[text], t.texts[c] = c, text
}

// lookup gives the code of a name that has one.
func (d *dictionary) lookup(k kind, text string) (c uint32, ok bool, err error) {
	t := &d.tables[k]
	t.mu.RLock()
	c, ok = t.codes[text]
	t.mu.RUnlock()
	if ok || k <= kindParameter {
		return c, ok, nil
	}
	value, closer, err := d.db.Get(codeKey(nil, k, text))
	if err != nil {
		return 0, false, ignoreNotFound(err)
	}
	defer closer.Close()
	if len(value) != 4 {
		return 0, false, corrupt("a code")
	}
	c = binary.BigEndian.Uint32(value)
	t.mu.Lock()
	t.remember(k, strings.Clone(text), c)
	t.mu.Unlock()
	return c, true, nil
}

// intern gives the code of a name, a new one if it has none.
func (d *dictionary) intern(k kind, text string) (uint32, error) {
	if c, ok, err := d.lookup(k, text); ok || err != nil {
		return c, err
	}
	t := &d.tables[k]
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.codes[text]; ok {
		return c, nil
	}
	if t.last >= maxCodes[k] {
		return 0, errCodesExhausted
	}
	c := t.last + 1
	batch := d.db.NewBatch()
	defer batch.Close()
	value := binary.BigEndian.AppendUint32(nil, c)
	_ = batch.Set(codeKey(nil, k, text), value, nil)
	_ = batch.Set(append([]byte{keyText, byte(k)}, value...), []byte(text), nil)
	if err := d.db.Apply(batch, lsm.NoSync); err != nil {
		return 0, err
	}
	t.last = c
	t.remember(k, strings.Clone(text), c)
	return c, nil
}

// text is the name that a code stands for.
func (d *dictionary) text(k kind, c uint32) (string, error) {
	t := &d.tables[k]
	t.mu.RLock()
	text, ok := t.texts[c]
	t.mu.RUnlock()
	if ok {
		return text, nil
	}
	value, closer, err := d.db.Get(binary.BigEndian.AppendUint32([]byte{keyText, byte(k)}, c))
	if errors.Is(err, lsm.ErrNotFound) {
		return "", corrupt("the dictionary")
	}
	if err != nil {
		return "", err
	}
	defer closer.Close()
	text = string(value)
	t.mu.Lock()
	t.remember(k, text, c)
	t.mu.Unlock()
	return text, nil
}

func codeKey(b []byte, k kind, text string) []byte {
	return append(append(b, keyCode, byte(k)), text...)
}

// typeCode gives the code of a resource type, 0 if it has none.
func (d *dictionary) typeCode(name string) code {
	c, _, _ := d.lookup(kindType, name) // held in memory whole
	return code(c)
}

func (d *dictionary) internType(name string) (code, error) {
	c, err := d.intern(kindType, name)
	return code(c), err
}

func (d *dictionary) typeName(c code) (string, error) { return d.text(kindType, uint32(c)) }

// types lists the resource types that ever were stored.
func (d *dictionary) types() []code {
	t := &d.tables[kindType]
	t.mu.RLock()
	defer t.mu.RUnlock()
	codes := make([]code, 0, t.last)
	for c := uint32(1); c <= t.last; c++ {
		if _, _, space := splitSpace(t.texts[c]); !space {
			codes = append(codes, code(c))
		}
	}
	return codes
}

// parameterName identifies a parameter over processes. One whose type changes is another.
func parameterName(p *search.Parameter) string {
	return fmt.Sprintf("%s %s %d", p.Base, p.Code, p.Type)
}

// parameterCode gives the code of a parameter, 0 if no resource ever had a value for it.
func (d *dictionary) parameterCode(p *search.Parameter) code {
	if c, ok := d.parameters.Load(p); ok {
		return c.(code)
	}
	c, ok, _ := d.lookup(kindParameter, parameterName(p)) // held in memory whole
	if ok {
		d.parameters.Store(p, code(c))
	}
	return code(c)
}

func (d *dictionary) internParameter(p *search.Parameter) (code, error) {
	if c, ok := d.parameters.Load(p); ok {
		return c.(code), nil
	}
	c, err := d.intern(kindParameter, parameterName(p))
	if err != nil {
		return 0, err
	}
	d.parameters.Store(p, code(c))
	return code(c), nil
}
