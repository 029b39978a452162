package mongodb

import (
	"context"
	"iter"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// searching is one search while it goes on.
type searching struct {
	view       *view // the state of the first page
	query      *search.Query
	parameters *search.Parameters
	scanned    []*search.Parameter // whose values are taken from the text anew
	worded     []*search.Parameter // _text and _content, where they are asked for
	work       work
	source     *source
	sorter     *search.Sorter
	trace      *trace
}

func (v *view) searching(ctx context.Context, query *search.Query) (*searching, error) {
	scanned, err := store.Unindexed(query)
	if err != nil {
		return nil, err
	}
	options := v.store.options
	s := &searching{view: v, query: query, parameters: options.Parameters, scanned: scanned, trace: &trace{}}
	s.work.limit = options.SearchRows
	for _, b := range query.Branches {
		s.words(b.Filter)
	}
	s.source = newSource(s)
	s.sorter = search.NewSorter(ctx, query.Sort, s.source)
	return s, nil
}

// words finds the parameters whose values are not kept, but made from the text.
func (s *searching) words(e search.Expr) {
	each(e, func(e search.Expr) {
		if t, ok := e.(search.Test); ok && t.Param.SearchesWords() && !slices.Contains(s.worded, t.Param) {
			s.worded = append(s.worded, t.Param)
		}
		if m, ok := e.(search.Missing); ok && m.Param.SearchesWords() && !slices.Contains(s.worded, m.Param) {
			s.worded = append(s.worded, m.Param)
		}
	})
}

// each visits all nodes of a tree, those for other resources included.
func each(e search.Expr, visit func(search.Expr)) {
	visit(e)
	switch e := e.(type) {
	case search.And:
		for _, part := range e {
			each(part, visit)
		}
	case search.Or:
		for _, part := range e {
			each(part, visit)
		}
	case search.Not:
		each(e.Of, visit)
	case search.Chain:
		for _, b := range e.Branches {
			each(b.Filter, visit)
		}
	case search.Has:
		each(e.Filter, visit)
	case search.Contained:
		for _, b := range e.Branches {
			each(b.Filter, visit)
		}
	case search.Within:
		for _, h := range e.By {
			each(h.Filter, visit)
		}
	}
}

// documents are those that a filter finds, with what is needed to decide on them.
func (s *searching) documents(ctx context.Context, typ, collection string, filter bson.D, o *options.FindOptionsBuilder) iter.Seq2[*document, error] {
	o = o.SetProjection(s.projection())
	return func(yield func(*document, error) bool) {
		for d, err := range rows[document](ctx, s.view.store.db.Collection(collection), filter, o) {
			if err == nil {
				d.typ = typ
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// projection leaves out the keys, and the text where values are enough.
func (s *searching) projection() bson.D {
	out := bson.D{{Key: "ix.k", Value: 0}, {Key: "claims", Value: 0}}
	if len(s.scanned) == 0 && len(s.worded) == 0 {
		out = append(out, bson.E{Key: "r", Value: 0}, bson.E{Key: "raw", Value: 0})
	}
	return out
}

// resource is a version as search sees it.
func (s *searching) resource(ctx context.Context, d *document) (search.Resource, error) {
	r := search.Resource{Type: d.typ, ID: d.ID}
	entries, err := readValues(d.Index.Values, s.parameters)
	if err != nil {
		return r, err
	}
	entries = append(entries, s.parameters.Own(d.ID, d.Updated.Time().UTC())...)
	if len(s.scanned) > 0 {
		version, err := s.whole(ctx, d)
		if err != nil {
			return r, err
		}
		scanned, err := store.Scan(ctx, s.parameters, version, s.scanned)
		if err != nil {
			return r, err
		}
		entries = append(entries, scanned...)
	}
	r.Entries, err = s.appendWords(ctx, d, entries)
	return r, err
}

// appendWords adds the words of the text that are asked for. A resource without words has no value.
func (s *searching) appendWords(ctx context.Context, d *document, entries []search.Entry) ([]search.Entry, error) {
	if len(s.worded) == 0 {
		return entries, nil
	}
	narrative, content, err := s.wordsOf(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, p := range s.worded {
		words := content
		if p.SearchesNarrative() {
			words = narrative
		}
		if words.Text != "" {
			entries = append(entries, search.Entry{Param: p, Value: words})
		}
	}
	return entries, nil
}

func (s *searching) wordsOf(ctx context.Context, d *document) (narrative, content search.WordsValue, err error) {
	version, err := s.whole(ctx, d)
	if err != nil {
		return narrative, content, err
	}
	doc, err := resources.Parse(version.Body)
	if err != nil {
		return narrative, content, err
	}
	resource, err := doc.Resource()
	if err != nil {
		return narrative, content, err
	}
	narrative, content = search.Words(resource)
	return narrative, content, nil
}

// whole is the version with its body, which what a snapshot keeps is without.
func (s *searching) whole(ctx context.Context, d *document) (store.Version, error) {
	if len(d.Resource) == 0 && len(d.Raw) == 0 && d.Large == "" {
		return s.view.readVersion(ctx, d.key(), d.Version)
	}
	return s.view.whole(ctx, d)
}

// types are those that are searched, by name.
func (s *searching) types(ctx context.Context) ([]string, error) {
	var types []string
	for _, b := range s.query.Branches {
		types = append(types, b.Type)
	}
	if slices.Contains(types, "") {
		var err error
		if types, err = s.storedTypes(ctx); err != nil {
			return nil, err
		}
	}
	types = slices.DeleteFunc(types, func(typ string) bool { return !isType(typ) })
	slices.Sort(types)
	return slices.Compact(types), nil
}

// storedTypes are all that there are resources of.
func (s *searching) storedTypes(ctx context.Context) ([]string, error) {
	names, err := s.view.store.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, told(ctx, err)
	}
	types := slices.DeleteFunc(names, func(name string) bool { return strings.ToLower(name[:1]) == name[:1] })
	if s.view.over != nil {
		for key := range s.view.over.documents {
			types = append(types, key.Type)
		}
	}
	return types, nil
}
