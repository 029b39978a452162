package definitions

// Compartment tells by which parameters resources belong to a compartment:
// https://hl7.org/fhir/R4/compartmentdefinition.html
type Compartment struct {
	Name  string              // "Patient"
	Types map[string][]string // resource type -> parameter codes; "{def}" is the resource itself
}

// Compartment returns the definition of the compartment of a type (Patient, Encounter,
// Practitioner, RelatedPerson, Device), nil if the type has none.
func (d *Definitions) Compartment(name string) *Compartment { return d.compartment[name] }
