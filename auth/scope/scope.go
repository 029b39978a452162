// Package scope reads the scopes of SMART App Launch 2.2
// (https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html): clinical scopes of version 1
// (patient/Observation.read) and 2 (patient/Observation.rs?category=laboratory), what each allows, what one set leaves of
// another.
package scope

// Set is the scopes of one grant, in the order asked, each once.
type Set []Scope

// Scope is one scope.
type Scope struct {
	// Text is the scope as it was asked for, and is given back.
	Text string
	// Level is whom a clinical scope is about; None for all others, such as openid or launch/patient.
	Level Level
	// Type is a resource type, or * for all, later ones too.
	Type string
	// Permissions are what may be done.
	Permissions Permissions
	// Query narrows the resources to those a search of the type by it finds: name=value pairs, sorted; "" for all.
	Query string
}

// Level is the first part of a clinical scope.
type Level uint8

// The levels.
const (
	None    Level = iota
	Patient       // of the patient in context
	User          // what the person may reach
	System        // what the backend service may reach
)

// Permissions are a set of create, read, update, delete and search.
type Permissions uint8

// The permissions.
const (
	Create Permissions = 1 << iota
	Read
	Update
	Delete
	Search
)
