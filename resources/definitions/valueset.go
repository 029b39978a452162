package definitions

// ValueSet holds the codes of a value set that a required binding names.
type ValueSet struct {
	URL   string
	Codes map[string][]Concept // by code; more than one system may define the same code
	// Open names code systems that cannot be listed (urn:ietf:bcp:13, urn:iso:std:iso:4217,
	// http://unitsofmeasure.org); their codes are checked by grammar, if at all.
	Open []string
}

// Concept is one code of a code system.
type Concept struct{ System, Code, Display string }

// ValueSet finds a value set of a required binding by canonical URL, with or without
// |version; nil if the tables do not hold it.
func (d *Definitions) ValueSet(url string) *ValueSet { return d.valueSets[withoutVersion(url)] }

// Contains reports whether the code is in the value set, from any of its systems.
func (v *ValueSet) Contains(code string) bool { return len(v.Codes[code]) > 0 }

// ContainsCoding reports whether the code of this system is in the value set.
func (v *ValueSet) ContainsCoding(system, code string) bool {
	for _, c := range v.Codes[code] {
		if c.System == system {
			return true
		}
	}
	return false
}
