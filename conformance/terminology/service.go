package terminology

import (
	"context"

	"kiln/resources/outcome"
)

// Service answers questions about value sets and code systems. It is safe for concurrent use.
type Service struct {
	source Source
	limits Limits
	cache  *cache
}

// New makes a Service over a source.
func New(source Source, limits Limits) *Service {
	limits.EnsureDefaults()
	return &Service{source: source, limits: limits, cache: newCache(limits)}
}

// On is the same service over another source. Both share what they composed, so revisions must
// tell the contents of one source from those of the other.
func (s *Service) On(source Source) *Service {
	other := *s
	other.source = source
	return &other
}

// Contains reports whether the code of the system is in the value set, which is named by canonical
// URL, with |version or without. Errors: not-found where no source has the value set; not-supported
// where it cannot be told, with what would have to be known; processing for value sets that include
// themselves; invalid and code-invalid for a compose that is wrong; too-costly beyond the limits.
func (s *Service) Contains(ctx context.Context, valueSet, system, code string) (bool, error) {
	set, err := s.Set(ctx, valueSet)
	if err != nil {
		return false, err
	}
	return set.Contains(system, code)
}

// Expand lists the codes of a value set in the order of its composition; at most limit, where it
// is not 0: a value set with more is too-costly. Other errors are those of Contains.
func (s *Service) Expand(ctx context.Context, valueSet string, limit int) ([]Coding, error) {
	set, err := s.Set(ctx, valueSet)
	if err != nil {
		return nil, err
	}
	codes, err := set.Codes()
	if err == nil && limit > 0 && len(codes) > limit {
		return nil, refuse(outcome.TooCostly, "The value set %s has %d codes; at most %d can be used here.", clip(valueSet), len(codes), limit)
	}
	return codes, err
}

// Set composes a value set, or gives it as composed before if nothing it is made of has changed.
// Errors are those of Contains, but for codes that cannot be told, which are errors of the Set.
func (s *Service) Set(ctx context.Context, valueSet string) (*Set, error) {
	url, version := cutVersion(valueSet)
	n := name{kindValueSet, url, version}
	if k, ok := s.cache.get(n); ok {
		fresh, err := s.fresh(ctx, k.from)
		if err != nil {
			return nil, err
		}
		if fresh {
			return k.value.(*Set), nil
		}
	}
	x := &composition{service: s, done: map[string]*Set{}}
	set, err := x.valueSet(ctx, valueSet)
	if err != nil {
		return nil, err
	}
	s.cache.put(&kept{n, set, len(set.list), x.from})
	return set, nil
}

// fresh reports whether the source still has all that something was made of.
func (s *Service) fresh(ctx context.Context, from []origin) (bool, error) {
	for _, o := range from {
		revision, err := s.revision(ctx, o)
		if err != nil || revision != o.revision {
			return false, err
		}
	}
	return true, nil
}

func (s *Service) revision(ctx context.Context, o origin) (string, error) {
	if o.kind == kindValueSet {
		found, err := s.source.ValueSet(ctx, o.url, o.version)
		return found.Revision, err
	}
	found, err := s.source.CodeSystem(ctx, o.url, o.version)
	return found.Revision, err
}

// codeSystem finds a code system with its revision; nil and "" where no source has it.
func (s *Service) codeSystem(ctx context.Context, url, version string) (*CodeSystem, string, error) {
	found, err := s.source.CodeSystem(ctx, url, version)
	if err != nil || found.Revision == "" {
		return nil, "", err
	}
	n := name{kindCodeSystem, url, version}
	if k, ok := s.cache.get(n); ok && k.from[0].revision == found.Revision {
		return k.value.(*CodeSystem), found.Revision, nil
	}
	cs, err := found.Load()
	if err != nil {
		return nil, "", err
	}
	s.cache.put(&kept{n, cs, len(cs.Concepts), []origin{{kindCodeSystem, url, version, found.Revision}}})
	return cs, found.Revision, nil
}
