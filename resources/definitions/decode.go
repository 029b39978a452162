package definitions

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

//go:embed r4/*.tsv.zst
var r4 embed.FS

// decodeR4 reads the embedded tables. They are part of the binary and covered by tests,
// so a fault in them is a fault of the build: it panics.
func decodeR4() *Definitions {
	d := &Definitions{
		types:       map[string]*Type{},
		constraints: map[string][]*Constraint{},
		byType:      map[string][]*SearchParameter{},
		byCode:      map[parameterKey]*SearchParameter{},
		byURL:       map[string]*SearchParameter{},
		compartment: map[string]*Compartment{},
		valueSets:   map[string]*ValueSet{},
	}
	d.decodeStructures()
	d.decodeConstraints()
	d.decodeElements()
	d.indexMembers()
	d.decodeSearchParameters()
	d.decodeCompartments()
	d.decodeValueSets()
	return d
}

// rows yields the cells of each line after the header. The strings share one buffer.
func rows(name string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		packed, err := r4.ReadFile("r4/" + name + ".tsv.zst")
		if err != nil {
			panic(err)
		}
		dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		defer dec.Close()
		src, err := dec.DecodeAll(packed, nil)
		if err != nil {
			panic(fmt.Errorf("table %s: %w", name, err))
		}
		_, text, _ := strings.Cut(string(src), "\n")
		var cells []string
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			cells = cells[:0]
			for cell := range strings.SplitSeq(line, "\t") {
				cells = append(cells, cell)
			}
			if !yield(cells) {
				return
			}
		}
	}
}

var kinds = map[string]Kind{"primitive-type": KindPrimitive, "complex-type": KindComplex, "resource": KindResource}

func (d *Definitions) decodeStructures() {
	bases := map[*Type]string{}
	for c := range rows("structures") {
		t := &Type{Name: c[0], Kind: kinds[c[1]], Abstract: c[2] == "true", URL: c[4], Regex: c[5]}
		if t.Name == "xhtml" {
			t.Kind = KindPrimitive
		}
		bases[t] = c[3]
		d.types[t.Name] = t
		if t.Kind == KindResource && !t.Abstract {
			d.resources = append(d.resources, t.Name)
		}
	}
	for t, base := range bases {
		t.Base = d.types[base]
	}
	slices.Sort(d.resources)
}

func (d *Definitions) decodeConstraints() {
	for c := range rows("constraints") {
		key := c[0] + " " + c[1]
		d.constraints[key] = append(d.constraints[key], &Constraint{Key: c[2], Path: c[1], Error: c[3] == "error", Expression: c[4]})
	}
}

func (d *Definitions) decodeElements() {
	var references []*Element
	for c := range rows("elements") {
		structure, path := c[0], c[1]
		d.rows++
		if structure == path {
			d.types[structure].Constraints = d.constraints[structure+" "+path]
			continue
		}
		e := &Element{
			Path: path, Min: number(c[2]), Max: number(c[3]), contentReference: c[5],
			Binding: Binding{c[6], c[7]}, Summary: c[8] == "1", Modifier: c[9] == "1",
			Attribute: c[10] == "xmlAttr", XHTML: c[10] == "xhtml", Ordered: c[12] != "",
			Constraint: d.constraints[structure+" "+path],
		}
		parent := path[:strings.LastIndexByte(path, '.')]
		e.Name, e.Choice = strings.CutSuffix(path[len(parent)+1:], "[x]")
		e.Types = d.decodeTypeRefs(e, c[4])
		e.maxLength = maxLength(c[11])
		owner := d.owner(parent)
		if owner.Primitive() && e.Name == "value" {
			owner.MaxLength = e.maxLength // JSON has no member for it: the value is the element itself
			continue
		}
		if e.Name == "id" && owner.Kind == KindResource {
			// The table, like the StructureDefinitions, has string; what it means is id:
			// https://hl7.org/fhir/R4/resource-definitions.html#Resource.id
			e.Types = []TypeRef{{Type: d.types["id"]}}
		}
		e.Index = len(owner.Elements)
		owner.Elements = append(owner.Elements, e)
		if e.contentReference != "" {
			references = append(references, e)
		} else if !e.Choice {
			e.Content = e.Types[0].Type
		}
	}
	for _, e := range references {
		target := d.types[strings.TrimPrefix(e.contentReference, "#")]
		e.Content, e.Types = target, []TypeRef{{Type: target}}
	}
}

// owner is the type whose children are listed under path. An element with children of
// its own gets a backbone type, named by its path, when the first child is seen.
func (d *Definitions) owner(path string) *Type {
	if t := d.types[path]; t != nil {
		return t
	}
	parent := d.owner(path[:strings.LastIndexByte(path, '.')])
	e := parent.Elements[len(parent.Elements)-1]
	t := &Type{Name: path, Kind: KindBackbone, Base: e.Types[0].Type}
	e.Content, e.Types[0].Type = t, t
	d.types[path] = t
	return t
}

// decodeTypeRefs reads "Reference(Patient|Group){profile|…};string".
func (d *Definitions) decodeTypeRefs(e *Element, cell string) []TypeRef {
	if cell == "" {
		return nil
	}
	var refs []TypeRef
	for part := range strings.SplitSeq(cell, ";") {
		part, profiles := cutGroup(part, "{", "}")
		name, targets := cutGroup(part, "(", ")")
		t := d.types[strings.Replace(name, "System.String", "string", 1)] // xhtml.id alone is typed so
		if t == nil {
			panic("element " + e.Path + " has the unknown type " + name)
		}
		refs = append(refs, TypeRef{Type: t, Targets: targets, Profiles: profiles})
	}
	return refs
}

func cutGroup(s, open, end string) (string, []string) {
	head, group, ok := strings.Cut(s, open)
	if !ok {
		return s, nil
	}
	return head, strings.Split(strings.Clone(strings.TrimSuffix(group, end)), "|")
}

func number(cell string) int {
	if cell == "*" {
		return Unbounded
	}
	n, err := strconv.Atoi(cell)
	if err != nil {
		panic("cardinality " + cell)
	}
	return n
}

func maxLength(cell string) int {
	if cell == "" {
		return 0
	}
	var limits struct {
		MaxLength int `json:"maxLength"`
	}
	if err := json.Unmarshal([]byte(cell), &limits); err != nil {
		panic("limits " + cell)
	}
	return limits.MaxLength
}

// indexMembers builds the tables from JSON member names to elements.
func (d *Definitions) indexMembers() {
	for _, t := range d.types {
		t.members, t.byName = make(map[string]Member, len(t.Elements)), make(map[string]*Element, len(t.Elements))
		for _, e := range t.Elements {
			t.byName[e.Name] = e
			for _, ref := range e.Types {
				name := e.JSONName(ref.Type)
				t.members[name] = Member{Element: e, Type: ref.Type}
				if ref.Type.Primitive() {
					t.members["_"+name] = Member{Element: e, Type: ref.Type, Shadow: true}
				}
			}
		}
	}
}

func (d *Definitions) decodeSearchParameters() {
	for c := range rows("search-parameters") {
		p := &SearchParameter{
			Base: list(c[0], ","), Code: c[1], Type: c[2], Expression: c[3], Targets: list(c[4], ","), URL: c[5],
			Usage: c[6], SingleOr: c[7] == "false", SingleAnd: c[8] == "false",
			Comparators: list(c[9], ","), Modifiers: list(c[10], ","),
		}
		for _, part := range list(c[11], ";") {
			definition, expression, _ := strings.Cut(part, "=")
			p.Components = append(p.Components, Component{definition, expression})
		}
		d.parameters = append(d.parameters, p)
		d.byURL[p.URL] = p
		for _, base := range p.Base {
			d.byCode[parameterKey{base, p.Code}] = p
		}
	}
	for _, p := range d.parameters {
		for i := range p.Components {
			c := &p.Components[i]
			if !strings.Contains(c.URL, "/") {
				c.URL = "http://hl7.org/fhir/SearchParameter/" + c.URL
			}
		}
	}
	for _, name := range d.resources {
		seen := map[string]bool{}
		for t := d.types[name]; t != nil; t = t.Base {
			for _, p := range d.parameters {
				if slices.Contains(p.Base, t.Name) && !seen[p.Code] {
					seen[p.Code] = true
					d.byType[name] = append(d.byType[name], p)
					d.byCode[parameterKey{name, p.Code}] = p
				}
			}
		}
		slices.SortFunc(d.byType[name], func(a, b *SearchParameter) int { return strings.Compare(a.Code, b.Code) })
	}
}

func list(cell, separator string) []string {
	if cell == "" {
		return nil
	}
	return strings.Split(cell, separator)
}

func (d *Definitions) decodeCompartments() {
	for c := range rows("compartments") {
		def := d.compartment[c[0]]
		if def == nil {
			def = &Compartment{Name: c[0], Types: map[string][]string{}}
			d.compartment[c[0]] = def
		}
		def.Types[c[1]] = list(c[2], ",")
	}
}

func (d *Definitions) decodeValueSets() {
	for c := range rows("valuesets") {
		vs := d.valueSets[c[0]]
		if vs == nil {
			vs = &ValueSet{URL: c[0], Codes: map[string][]Concept{}}
			d.valueSets[vs.URL] = vs
		}
		if c[2] == "" {
			vs.Open = append(vs.Open, c[1])
			continue
		}
		vs.Codes[c[2]] = append(vs.Codes[c[2]], Concept{c[1], c[2], c[3]})
	}
}

func withoutVersion(url string) string {
	url, _, _ = strings.Cut(url, "|")
	return url
}
