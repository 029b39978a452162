package fhir

import (
	"context"
	"strconv"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/store"
)

// linker knows what the entries of a transaction are called, and finds the links between them:
// https://hl7.org/fhir/R4/http.html#trules and https://hl7.org/fhir/R4/bundle.html#references
type linker struct {
	service     *Service
	byURL       map[string]*write
	conditional map[string]*conditionalReference
}

// site is a place in an entry's resource that links to another entry, or to what criteria find.
type site struct {
	node        resources.Node
	kind        linkKind
	target      *write
	conditional *conditionalReference
	versioned   bool
	fragment    string // "#…" or empty
	narrative   string // of linkNarrative: the XHTML
	// narrow: the type of the element (oid, uuid) cannot hold what is put there
	narrow bool
}

// conditionalReference is a search in the place of a reference, such as Patient?identifier=1:
// https://hl7.org/fhir/R4/http.html#trules (Conditional References)
type conditionalReference struct {
	text     string
	place    string // of the first entry that has it
	path     string
	criteria *criteria
	key      store.Key // found in this attempt
}

// name makes an entry known by its fullUrl. A URL for two resources would be ambiguous.
func (l *linker) name(e *entry) error {
	if e.fullURL == "" || e.write == nil || e.write.interaction == Delete {
		return nil
	}
	if l.byURL[e.fullURL] != nil {
		return outcome.New(outcome.Duplicate, "The fullUrl %q is that of an earlier entry too.", clip(e.fullURL)).In(outcome.StageSyntax)
	}
	l.byURL[e.fullURL] = e.write
	return nil
}

// sites finds the links in the resource of an entry.
func (l *linker) sites(ctx context.Context, p *process, e *entry) ([]site, error) {
	element, err := p.doc.ResourceAt(e.resource)
	if err != nil || element.Type().Name == "Bundle" {
		return nil, err
	}
	root := restRoot(e.fullURL)
	var sites []site
	walkLinks(element, func(kind linkKind, link resources.Element) {
		if err != nil {
			return
		}
		s := site{node: link.Node(), kind: kind}
		text := link.Text()
		switch {
		case kind == linkNarrative:
			s.narrative = text
			if _, ok := relink(text, func(href string) (string, bool) { _, ok := l.lookup(href, root); return "", ok }); ok {
				sites = append(sites, s)
			}
			return
		case kind == linkURL && isIdentity(link):
			return
		}
		if found, ok := l.lookup(text, root); ok {
			s.target, s.versioned, s.fragment = found.target, found.versioned, found.fragment
			s.narrow = link.Type().Name == "oid" || link.Type().Name == "uuid"
			sites = append(sites, s)
		} else if kind == linkReference {
			s.conditional, err = l.condition(ctx, e, link)
			if s.conditional != nil {
				sites = append(sites, s)
			}
		}
	})
	return sites, err
}

// isIdentity reports whether a uri names a thing rather than linking to a resource: the system of
// a code or identifier, the URL of an extension, the canonical URL of a definition. They may equal
// a fullUrl, but replacing them would change what they mean, as it would a canonical.
func isIdentity(link resources.Element) bool {
	name := link.Definition().Name
	return link.Type().Name == "uri" && (name == "system" || name == "url") && !strings.HasPrefix(link.Text(), "urn:uuid:")
}

// restRoot is the base of a fullUrl that is the address of a resource on some server, with a slash
// at its end; empty for others.
func restRoot(fullURL string) string {
	if !strings.HasPrefix(fullURL, "http://") && !strings.HasPrefix(fullURL, "https://") {
		return ""
	}
	parts := strings.Split(fullURL, "/")
	if n := len(parts); n > 4 && definitions.R4().Resource(parts[n-2]) != nil && checkID(parts[n-1]) == nil {
		return strings.Join(parts[:n-2], "/") + "/"
	}
	return ""
}

// lookup finds the entry that a link names: by its fullUrl, whole or up to a "#", with a version
// or without; a relative link is one below the root of the entry that it stands in.
func (l *linker) lookup(link, root string) (site, bool) {
	var s site
	if link == "" || link[0] == '#' || len(l.byURL) == 0 {
		return s, false
	}
	for _, url := range [...]string{link, root + link} {
		if s.target = l.byURL[url]; s.target != nil {
			return s, true
		}
		if hash := strings.IndexByte(url, '#'); hash >= 0 {
			s.fragment, url = url[hash:], url[:hash]
		}
		if plain, _, ok := strings.Cut(url, "/_history/"); ok {
			s.versioned, url = true, plain
		}
		if s.target = l.byURL[url]; s.target != nil {
			return s, true
		}
		s = site{}
		if root == "" {
			break
		}
	}
	return s, false
}

// condition reads a reference that is a search; nil for others.
func (l *linker) condition(ctx context.Context, e *entry, link resources.Element) (*conditionalReference, error) {
	text := link.Text()
	typ, query, ok := strings.Cut(text, "?")
	if !ok || definitions.R4().Resource(typ) == nil {
		return nil, nil
	}
	if known := l.conditional[text]; known != nil {
		return known, nil
	}
	c, err := l.service.criteria(ctx, typ, query)
	if err != nil {
		return nil, outcome.As(err).At(link.Path())
	}
	reference := &conditionalReference{text: text, place: e.place(), path: link.Path(), criteria: c}
	l.conditional[text] = reference
	return reference, nil
}

// edits are the replacements at the sites of an entry, now that everything has its id.
func (l *linker) edits(sites []site, root string) []resources.Edit {
	edits := make([]resources.Edit, len(sites))
	for i, s := range sites {
		edits[i] = resources.Edit{Node: s.node, Raw: appendString(nil, l.replacement(s, root))}
	}
	return edits
}

func (l *linker) replacement(s site, root string) string {
	switch {
	case s.kind == linkNarrative:
		text, _ := relink(s.narrative, func(href string) (string, bool) {
			found, ok := l.lookup(href, root)
			if !ok {
				return "", false
			}
			found.kind = linkURL
			return l.replacement(found, root), true
		})
		return text
	case s.conditional != nil:
		return s.conditional.key.String()
	}
	link := s.target.key.String()
	if s.kind == linkURL {
		link = l.service.fullURL(s.target.key)
	}
	if s.versioned {
		link += "/_history/" + strconv.FormatInt(s.target.nextVersion(), 10)
	}
	return link + s.fragment
}

// nextVersion is the version that a write makes, or finds where it changes nothing.
func (w *write) nextVersion() int64 {
	switch {
	case w.twin != nil:
		return w.twin.nextVersion()
	case w.settled:
		return w.result.Version.VersionID
	}
	return w.current.VersionID + 1
}
