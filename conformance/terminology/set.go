package terminology

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"kiln/resources/outcome"
)

// Set is a value set that was composed. It never changes.
type Set struct {
	codes map[key]int // the place in list
	list  []Coding
	// folded are the systems whose codes are compared without case.
	folded map[string]bool
	// lacking tells of which systems not all is known, and why.
	lacking map[string]lack

	once     sync.Once
	bySystem []string // see systems
}

// key is what codes are compared by.
type key struct{ system, code string }

// lack is the reason why it cannot be told whether a code of a system is in a set.
type lack struct {
	sentence string
	// partial: what is known of the system is part of it, and all there is of it here.
	partial bool
	of      *CodeSystem // that part
}

// knows reports whether the code is of the part that is known.
func (l lack) knows(code string) bool {
	if !l.partial || l.of == nil {
		return false
	}
	_, ok := l.of.find(code)
	return ok
}

func newSet() *Set {
	return &Set{codes: map[key]int{}, folded: map[string]bool{}, lacking: map[string]lack{}}
}

func (s *Set) key(system, code string) key {
	if s.folded[system] {
		code = strings.ToLower(code)
	}
	return key{system, code}
}

func (s *Set) has(system, code string) bool {
	_, ok := s.codes[s.key(system, code)]
	return ok
}

// Contains reports whether the code of the system is in the set. The error (not-supported) says of
// which code system more would have to be known.
func (s *Set) Contains(system, code string) (bool, error) {
	if s.has(system, code) {
		return true, nil
	}
	if l, ok := s.lacking[system]; ok {
		return false, l.err()
	}
	return false, nil
}

// ContainsCode is Contains for a code whose system is not written: it may be any.
func (s *Set) ContainsCode(code string) (bool, error) {
	for _, system := range s.systems() {
		if s.has(system, code) {
			return true, nil
		}
	}
	return false, s.lacks(true)
}

// Codes lists the codes in the order of the composition. The slice must not be changed. The error
// (not-supported) names a code system that would have to be known; one of which a part is known is
// listed with that part.
func (s *Set) Codes() ([]Coding, error) {
	return s.list, s.lacks(false)
}

// lacks is the error for the first system of which not all is known; a part may be enough.
func (s *Set) lacks(partial bool) error {
	for _, system := range slices.Sorted(maps.Keys(s.lacking)) {
		if l := s.lacking[system]; partial || !l.partial {
			return l.err()
		}
	}
	return nil
}

// systems are those of the codes, each once.
func (s *Set) systems() []string {
	s.once.Do(func() {
		seen := map[string]bool{}
		for _, c := range s.list {
			if !seen[c.System] {
				seen[c.System] = true
				s.bySystem = append(s.bySystem, c.System)
			}
		}
	})
	return s.bySystem
}

func (l lack) err() error {
	return outcome.New(outcome.NotSupported, "%s", l.sentence).In(outcome.StageContent)
}

func (s *Set) add(c Coding) {
	k := s.key(c.System, c.Code)
	if _, ok := s.codes[k]; !ok {
		s.codes[k] = len(s.list)
		s.list = append(s.list, c)
	}
}

// union adds the other set.
func (s *Set) union(other *Set) {
	for system := range other.folded {
		s.fold(system)
	}
	for _, c := range other.list {
		s.add(c)
	}
	for system, l := range other.lacking {
		s.lack(system, l)
	}
}

// fold compares the codes of a system without case from now on, those that are there too.
func (s *Set) fold(system string) {
	if s.folded[system] {
		return
	}
	s.folded[system] = true
	s.keep(func(Coding) bool { return true })
}

func (s *Set) lack(system string, l lack) {
	if had, ok := s.lacking[system]; !ok || had.partial {
		s.lacking[system] = l
	}
}

// keep drops the codes that are not wanted.
func (s *Set) keep(wanted func(Coding) bool) {
	list := s.list
	s.list, s.codes = nil, make(map[key]int, len(list))
	for _, c := range list {
		if wanted(c) {
			s.add(c)
		}
	}
}

// intersect keeps what is in the other set too. A system of which one of the two does not know all
// stays so, unless the other has nothing of it.
func (s *Set) intersect(other *Set) {
	lacking := map[string]lack{}
	for system, l := range s.lacking {
		if other.speaksOf(system) {
			lacking[system] = l
		}
	}
	for system, l := range other.lacking {
		if s.speaksOf(system) {
			lacking[system] = l
		}
	}
	for system := range other.folded {
		s.fold(system)
	}
	s.keep(func(c Coding) bool { return other.has(c.System, c.Code) })
	s.lacking = lacking
}

// subtract drops what is in the other set. Where that knows nothing of a system, it cannot be told
// what is left of it; where it knows a part, not what is left of the rest.
func (s *Set) subtract(other *Set) {
	for system := range other.folded {
		s.fold(system)
	}
	for system, l := range other.lacking {
		if !l.partial && s.speaksOf(system) {
			s.lack(system, l)
		}
	}
	unknown := map[string]lack{}
	s.keep(func(c Coding) bool {
		if other.has(c.System, c.Code) {
			return false
		}
		l, lacking := other.lacking[c.System]
		if lacking && !l.knows(c.Code) {
			unknown[c.System] = l
			return false
		}
		return true
	})
	for system, l := range unknown {
		s.lack(system, l)
	}
}

// speaksOf reports whether the set has codes of the system, or may have.
func (s *Set) speaksOf(system string) bool {
	if _, ok := s.lacking[system]; ok {
		return true
	}
	for _, c := range s.list {
		if c.System == system {
			return true
		}
	}
	return false
}
