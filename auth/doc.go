// Package auth says who asks: the [Principal] that travels in the context of a request, and nothing of how it was
// found or what it may do. The rooms below it:
//
//	scope/    the scopes of SMART App Launch 2.2: grammar, what each allows, intersection
//	policy/   policy.yaml: the ranks of people as named sets of powers, checked by a schema, read anew while serving
//	access/   the decision: scope ∩ powers ∩ relation ∩ consent, as a predicate for every query (fhir.Authorizer)
//	          and as an independent second look at each resource that leaves
//	account/  people: passwords, one-time codes, passkeys, sessions
//	smart/    the authorization server; its core has neither HTTP nor storage in it: state in, decision out
//	audit/    an AuditEvent for every act, in a log that only grows
//
// Access is judged anew for each request: a principal carries what it was granted, never what it reaches.
package auth
