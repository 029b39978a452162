package pebble

import (
	"slices"
	"strings"

	"kiln/search"
)

// Contained resources have postings of their own that lead to the document of their container. They
// stand under the code of a space, a name of two types that no resource has: "Observation#Patient" is
// for the Patients in Observations. Within a space keys are as those of resources, without dated
// postings, and with _id, the local id. A document is in a posting when one of its contained resources
// has the value; which of them, the packed values tell.
//
// In the packed list each contained resource is one value, with a list of its own:
//
//	space id length list

// packedContained is the kind of such a value.
const packedContained = 'R'

// spaceMark parts the types in the name of a space.
const spaceMark = "#"

// spaceCode gives the code of the space of contained resources in those of a type, 0 if there never were any.
func (d *dictionary) spaceCode(container, contained string) code {
	return d.typeCode(container + spaceMark + contained)
}

// splitSpace parts the name of a space; ok is false of the name of a type.
func splitSpace(name string) (container, contained string, ok bool) {
	return strings.Cut(name, spaceMark)
}

// indexed gives the code of the resource type whose resources have keys under a code.
func (d *dictionary) indexed(c code) code {
	name, err := d.typeName(c)
	if container, _, ok := splitSpace(name); err == nil && ok {
		return d.typeCode(container)
	}
	return c
}

// contained writes a contained resource.
func (p *packer) contained(v search.ContainedValue) {
	inner := packer{dictionary: p.dictionary, inside: true}
	if err := inner.pack(v.Entries); err != nil {
		p.err = err
		return
	}
	space := uint64(0)
	if v.Type != "" {
		name, err := p.dictionary.typeName(p.typ)
		if err != nil {
			p.err = err
			return
		}
		space = uint64(p.code(kindType, name+spaceMark+v.Type))
	}
	p.out = append(p.out, packedContained)
	p.uvarint(space)
	p.text(v.ID)
	p.uvarint(uint64(len(inner.out)))
	p.out = append(p.out, inner.out...)
}

// contained reads a contained resource with the values of some parameters.
func (r *unpacker) contained(wanted map[code]*search.Parameter) search.ContainedValue {
	_, typ, _ := splitSpace(r.name(kindType, r.uvarint()))
	v := search.ContainedValue{Type: typ, ID: r.text()}
	list := r.bytes()
	if r.err != nil || r.dictionary == nil {
		return v
	}
	v.Entries, r.err = r.dictionary.unpack(list, wanted)
	return v
}

// contained adds the keys of the contained resource under l.r.
func (l *keyList) contained() {
	space := code(l.r.uvarint())
	l.r.bytes()
	list := l.r.bytes()
	if l.r.err != nil || space == 0 || l.inside {
		return
	}
	inner := keyList{inside: true}
	if err := inner.derive(l.roles, space, list); err != nil {
		l.r.err = err
		return
	}
	for _, k := range inner.keys {
		start := len(l.arena)
		l.arena = append(l.arena, inner.key(k)...)
		l.keys = append(l.keys, indexKey{start, len(l.arena), k.flags})
	}
}

// spaces are the spaces, in resources of a type, of what the branches are about, with their filters.
func (x *execution) spaces(typ code, branches []search.Branch) []branch {
	d := x.store.dictionary
	container, err := d.typeName(typ)
	x.fail(err)
	var list []branch
	for _, b := range branches {
		if b.Type != "" {
			if space := d.spaceCode(container, b.Type); space != 0 {
				list = append(list, branch{space, b.Filter})
			}
			continue
		}
		for _, space := range d.spacesIn(container) {
			list = append(list, branch{space, b.Filter})
		}
	}
	return list
}

// spacesIn lists the spaces of all contained resources in those of a type.
func (d *dictionary) spacesIn(container string) []code {
	t := &d.tables[kindType]
	t.mu.RLock()
	defer t.mu.RUnlock()
	var list []code
	for name, c := range t.codes {
		if strings.HasPrefix(name, container+spaceMark) {
			list = append(list, code(c))
		}
	}
	slices.Sort(list)
	return list
}
