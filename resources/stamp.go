package resources

import (
	"strconv"
	"time"
)

// InstantFormat is how the server writes meta.lastUpdated: UTC, to the millisecond.
const InstantFormat = "2006-01-02T15:04:05.000Z"

// Stamped is a resource ready to be stored: its compact text with the id set and with room for
// the version id and time, which the store decides on when the change lands.
type Stamped struct {
	text           []byte
	version, time  int // where in text to insert
	versionIsFirst bool
}

// Stamp prepares the resource at the root of d. id, meta.versionId and meta.lastUpdated are set
// or replaced in place; everything else keeps its order and digits. An id is put after
// resourceType where there is none, meta after id. The root must be an object, as Resource checks.
func (d *Document) Stamp(id string) *Stamped {
	w := stamper{editor: editor{d: d, out: make([]byte, 0, len(d.src)+96)}, id: Quote(id)}
	w.root()
	return &Stamped{text: w.out, version: w.version, time: w.time, versionIsFirst: w.version <= w.time}
}

// Parts are the text without version id and time, and where in it the two go: what an engine keeps
// of a version. The text must not be changed.
func (s *Stamped) Parts() (text []byte, version, time int) { return s.text, s.version, s.time }

// Restamp makes a Stamped of its Parts again. The places must lie within the text.
func Restamp(text []byte, version, time int) *Stamped {
	return &Stamped{text: text, version: version, time: time, versionIsFirst: version <= time}
}

// Bytes is the text with version id and time in place.
func (s *Stamped) Bytes(version int64, lastUpdated time.Time) []byte {
	return s.Append(make([]byte, 0, len(s.text)+len(InstantFormat)+8), version, lastUpdated)
}

// Append is Bytes into a buffer.
func (s *Stamped) Append(b []byte, version int64, lastUpdated time.Time) []byte {
	first, second := s.version, s.time
	if !s.versionIsFirst {
		first, second = second, first
	}
	for i, cut := range [2]int{first, second} {
		if i == 0 {
			b = append(b, s.text[:cut]...)
		} else {
			b = append(b, s.text[first:cut]...)
		}
		if (i == 0) == s.versionIsFirst {
			b = strconv.AppendInt(b, version, 10)
		} else {
			b = lastUpdated.UTC().AppendFormat(b, InstantFormat)
		}
	}
	return append(b, s.text[second:]...)
}

// stamper writes the root object, watching for the three places.
type stamper struct {
	editor
	id            []byte
	version, time int
}

func (w *stamper) root() {
	d := w.d
	hasID, hasMeta := d.Member(0, "id") != None, d.Kind(d.Member(0, "meta")) == Object
	w.out = append(w.out, '{')
	first := true
	comma := func() {
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
	}
	for c := range d.Children(0) {
		name := d.Name(c)
		if name == "meta" && !hasMeta {
			continue // null or nonsense, replaced below
		}
		comma()
		w.name(c)
		switch name {
		case "id":
			w.out = append(w.out, w.id...)
		case "meta":
			w.meta(c)
		default:
			w.write(c)
		}
		if name == "resourceType" && !hasID {
			w.out = append(append(w.out, `,"id":`...), w.id...)
		}
		if !hasMeta && (name == "id" || name == "resourceType" && !hasID) {
			w.out = append(w.out, `,"meta":`...)
			w.meta(None)
		}
	}
	w.out = append(w.out, '}')
}

func (w *stamper) meta(n Node) {
	d := w.d
	w.out = append(w.out, '{')
	first := true
	for _, name := range [...]string{"versionId", "lastUpdated"} {
		if d.Member(n, name) == None {
			if !first {
				w.out = append(w.out, ',')
			}
			first = false
			w.slot(name)
		}
	}
	for c := range d.Children(n) {
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		switch name := d.Name(c); name {
		case "versionId", "lastUpdated":
			w.slot(name)
		default:
			w.name(c)
			w.write(c)
		}
	}
	w.out = append(w.out, '}')
}

// slot writes a member with an empty string and notes where its content goes.
func (w *stamper) slot(name string) {
	w.out = append(w.out, '"')
	w.out = append(w.out, name...)
	w.out = append(w.out, `":"`...)
	if name == "versionId" {
		w.version = len(w.out)
	} else {
		w.time = len(w.out)
	}
	w.out = append(w.out, '"')
}

// SameContent reports whether two resources are equal but for what the server sets: id,
// meta.versionId and meta.lastUpdated. A meta that holds nothing else equals none.
func SameContent(a, b *Document) bool {
	count := func(d *Document) int {
		n := 0
		for c := range d.Children(0) {
			if name := d.Name(c); name != "id" && name != "meta" {
				n++
			}
		}
		return n
	}
	if count(a) != count(b) {
		return false
	}
	for c := range a.Children(0) {
		switch name := a.Name(c); name {
		case "id", "meta":
		default:
			if o := b.Member(0, name); o == None || !Equal(a, c, b, o) {
				return false
			}
		}
	}
	return sameMeta(a, b)
}

func sameMeta(a, b *Document) bool {
	ma, mb := a.Member(0, "meta"), b.Member(0, "meta")
	set := func(d *Document, n Node) int {
		count := 0
		for c := range d.Children(n) {
			if name := d.Name(c); name != "versionId" && name != "lastUpdated" {
				count++
			}
		}
		return count
	}
	if set(a, ma) != set(b, mb) {
		return false
	}
	for c := range a.Children(ma) {
		switch name := a.Name(c); name {
		case "versionId", "lastUpdated":
		default:
			if o := b.Member(mb, name); o == None || !Equal(a, c, b, o) {
				return false
			}
		}
	}
	return true
}
