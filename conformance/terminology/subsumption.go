package terminology

import (
	"context"

	"kiln/resources/outcome"
)

// Relation says how two codes stand to each other:
// https://hl7.org/fhir/R4/valueset-concept-subsumption-outcome.html
type Relation string

// The relations of Subsumes.
const (
	Equivalent  Relation = "equivalent"
	Subsuming   Relation = "subsumes"
	SubsumedBy  Relation = "subsumed-by"
	NotSubsumed Relation = "not-subsumed"
)

// Subsumes tells how a stands to b in the hierarchy of their code system, which is named by URL,
// with |version or without: Subsuming where b is a kind of a. Errors: not-supported where the
// concepts of the system are not known, code-invalid for a code that is not in it.
func (s *Service) Subsumes(ctx context.Context, system, a, b string) (Relation, error) {
	cs, i, err := s.concept(ctx, system, a)
	if err != nil {
		return "", err
	}
	_, j, err := s.concept(ctx, system, b)
	switch {
	case err != nil:
		return "", err
	case i == j:
		return Equivalent, nil
	case cs.below(i)[j]:
		return Subsuming, nil
	case cs.below(j)[i]:
		return SubsumedBy, nil
	}
	return NotSubsumed, nil
}

// Descendants lists the code and all that are a kind of it. Errors are those of Subsumes.
func (s *Service) Descendants(ctx context.Context, system, code string) ([]Coding, error) {
	return s.related(ctx, system, code, (*CodeSystem).below)
}

// Ancestors lists the code and all that it is a kind of. Errors are those of Subsumes.
func (s *Service) Ancestors(ctx context.Context, system, code string) ([]Coding, error) {
	return s.related(ctx, system, code, (*CodeSystem).above)
}

func (s *Service) related(ctx context.Context, system, code string, reach func(*CodeSystem, int) []bool) ([]Coding, error) {
	cs, i, err := s.concept(ctx, system, code)
	if err != nil {
		return nil, err
	}
	url, _ := cutVersion(system)
	var codes []Coding
	for j, reached := range reach(cs, i) {
		if reached {
			codes = append(codes, Coding{url, cs.Concepts[j].Code, cs.Concepts[j].Display})
		}
	}
	return codes, nil
}

func (s *Service) concept(ctx context.Context, system, code string) (*CodeSystem, int, error) {
	url, version := cutVersion(system)
	cs, _, err := s.codeSystem(ctx, url, version)
	if err != nil {
		return nil, 0, err
	}
	l, lacks := lackOf(cs, Part{System: url, Version: version})
	if lacks && !l.partial {
		return nil, 0, l.err()
	}
	i, ok := cs.find(code)
	switch {
	case !ok && lacks:
		return nil, 0, l.err()
	case !ok:
		return nil, 0, refuse(outcome.CodeInvalid, "The code %q is not in the code system %s.", clip(code), clip(system))
	}
	return cs, i, nil
}
