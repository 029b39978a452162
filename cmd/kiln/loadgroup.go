package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
)

// group is a bundle that is sent at once: either one that was given, or resources gathered into
// one. Gathered resources stand alone: if the bundle is refused whole, they are sent as a batch.
type group struct {
	given   []byte // a transaction or batch as it came; nil for gathered resources
	batch   bool   // given is a batch
	entries []entry
	// searching: some entry may have a reference that is a search
	searching bool
	places    []string // of the entries; for a given bundle just its own
	count     int      // of entries in a given bundle
	// once names what must not be loaded twice; "" where loading again changes nothing.
	once string
}

// entry is one resource with what shall be done with it.
type entry struct {
	place       string
	method, url string
	resource    []byte
	doc         *resources.Document // resource, read already; nil where it has to be read
}

// Bounds of a gathered group.
const (
	groupEntries = 500
	groupBytes   = 4 << 20
)

func (g *group) empty() bool { return g.given == nil && len(g.entries) == 0 }

func (g *group) size() int {
	if g.given != nil {
		return g.count
	}
	return len(g.entries)
}

// bundleGroup is a transaction or batch to be carried out.
func bundleGroup(u unit, doc *resources.Document) group {
	return group{
		given: u.Text, batch: doc.Text(doc.Member(0, "type")) == "batch", places: []string{u.Place},
		count: doc.Count(doc.Member(0, "entry")), once: digest(u.Place, u.Text),
	}
}

func digest(place string, text []byte) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00", filepath.Base(place))
	sum.Write(text)
	return hex.EncodeToString(sum.Sum(nil))
}

// loaded gives the resources of a group that need no bundle: each has an id, and none a reference
// that is a search. ok is false for other groups.
func (g *group) loaded() (docs []*resources.Document, ok bool) {
	if g.given != nil || g.searching {
		return nil, false
	}
	docs = make([]*resources.Document, len(g.entries))
	for i, e := range g.entries {
		if e.method != http.MethodPut {
			return nil, false
		}
		if docs[i] = e.doc; docs[i] == nil {
			var err error
			if docs[i], err = resources.Parse(e.resource); err != nil {
				return nil, false
			}
		}
	}
	return docs, true
}

// hasConditionalReference reports whether something in the document refers to what a search finds:
// https://hl7.org/fhir/R4/http.html#trules
func hasConditionalReference(doc *resources.Document) bool {
	if text := doc.Source(); bytes.IndexByte(text, '?') < 0 && !bytes.Contains(text, []byte(`\u`)) {
		return false
	}
	for n := range resources.Node(doc.Len()) {
		if doc.Kind(n) == resources.String && doc.Name(n) == "reference" {
			typ, _, found := strings.Cut(doc.Text(n), "?")
			if found && definitions.R4().Resource(typ) != nil {
				return true
			}
		}
	}
	return false
}

// entryOf is the resource at n, to be stored under its id, or under a new one if it has none.
func entryOf(place string, doc *resources.Document, n resources.Node) entry {
	typ, id := doc.Text(doc.Member(n, "resourceType")), doc.Text(doc.Member(n, "id"))
	e := entry{place: place, method: "POST", url: typ, resource: doc.Raw(n)}
	if n == 0 {
		e.doc = doc
	}
	if id != "" {
		e.method, e.url = "PUT", typ+"/"+id
	}
	return e
}

// grouper gathers entries until there are enough for a bundle. A resource twice in one bundle
// would be refused, so it begins the next one.
type grouper struct {
	searching bool // of the groups
	group     group
	bytes     int
	seen      map[string]bool
}

func (l *grouper) add(e entry, send func(group) error) error {
	if l.seen[e.url] || len(l.group.entries) >= groupEntries || l.bytes+len(e.resource) > groupBytes && l.bytes > 0 {
		if err := send(l.take()); err != nil {
			return err
		}
	}
	if e.method == "POST" { // sent by itself, so that it is recorded as done with its own commit
		return send(group{entries: []entry{e}, places: []string{e.place}, once: digest(e.place, e.resource)})
	}
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	l.seen[e.url] = true
	l.group.entries = append(l.group.entries, e)
	l.group.places = append(l.group.places, e.place)
	l.bytes += len(e.resource)
	return nil
}

func (l *grouper) collection(u unit, doc *resources.Document, send func(group) error) error {
	for item := range doc.Children(doc.Member(0, "entry")) {
		if resource := doc.Member(item, "resource"); resource != resources.None {
			if err := l.add(entryOf(u.Place, doc, resource), send); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *grouper) take() group {
	g := l.group
	g.searching = l.searching
	*l = grouper{searching: l.searching}
	return g
}

// bundle writes the group as a Bundle of the type.
func (g *group) bundle(typ string) []byte {
	if g.given != nil {
		return g.given
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"resourceType":"Bundle","type":%q,"entry":[`, typ)
	for i, e := range g.entries {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"resource":`)
		b.Write(e.resource)
		b.WriteString(`,"request":{"method":"` + e.method + `","url":`)
		b.Write(resources.Quote(e.url))
		b.WriteString("}}")
	}
	b.WriteString("]}")
	return b.Bytes()
}
