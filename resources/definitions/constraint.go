package definitions

// Constraint is one invariant of an element or a type:
// https://hl7.org/fhir/R4/conformance-rules.html#constraints
type Constraint struct {
	Key        string // "obs-6"
	Path       string // the element that it is evaluated on
	Error      bool   // severity error; else warning
	Expression string // FHIRPath as the specification has it
}

// Everywhere returns the invariants that hold on every element (ele-1) and, for
// extension, on every Extension (ext-1); the tables of types do not repeat them.
func (d *Definitions) Everywhere() []*Constraint { return d.constraints["* *"] }
