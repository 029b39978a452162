package mongodb

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/search"
)

// The sizes of what is read at once. A walk grows from the one to the other.
const (
	firstBatch = 32
	fullBatch  = 1000
	textBatch  = 50 // where the text of each comes along, which may be megabytes
)

// fullest is how much is read at once at most.
func (s *searching) fullest() int {
	if len(s.scanned)+len(s.worded) > 0 {
		return textBatch
	}
	return fullBatch
}

// candidate is a document that may match, with its values.
type candidate struct {
	*document
	resource search.Resource
}

// walk gives the resources of a type that meet a condition in a state, by their numbers.
//
// It reads the newest versions first and the history, for those that came after the state, afterwards. A version
// goes into the history before its successor takes its place, so none is missed.
type walk struct {
	s         *searching
	typ       string
	condition condition
	down      bool
	from      int64 // the number that was passed last
	batch     int
	buffer    []candidate
	ended     bool
	wanted    wanted
	leg       *leg // of the plan; nil behind references
}

// walk begins after a number, or before it when it goes down.
func (s *searching) walk(typ string, c condition, from int64, down bool, batch int) *walk {
	return &walk{s: s, typ: typ, condition: c, from: from, down: down, batch: min(batch, s.fullest())}
}

// upwards walks all resources of a type.
func (s *searching) upwards(typ string, c condition) *walk {
	return s.walk(typ, c, math.MinInt64, false, fullBatch)
}

// peek is the next candidate, nil at the end.
func (w *walk) peek(ctx context.Context) (*candidate, error) {
	for len(w.buffer) == 0 && !w.ended {
		if err := w.fill(ctx); err != nil {
			return nil, err
		}
	}
	if len(w.buffer) == 0 {
		return nil, nil
	}
	return &w.buffer[0], nil
}

// next takes it.
func (w *walk) next(ctx context.Context) (*candidate, error) {
	c, err := w.peek(ctx)
	if c != nil {
		w.buffer = w.buffer[1:]
	}
	return c, err
}

func (w *walk) fill(ctx context.Context) error {
	found := map[string]*document{}
	count, last := 0, int64(0)
	o := options.Find().SetSort(bson.D{{Key: "num", Value: w.direction()}}).SetLimit(int64(w.batch)).SetBatchSize(int32(w.batch))
	filter := append(bson.D{{Key: "num", Value: w.span(nil)}, {Key: "pos", Value: bson.D{{Key: "$lte", Value: w.s.view.at}}}}, w.condition.filter("_id")...)
	for d, err := range w.s.documents(ctx, w.typ, currentCollection(w.typ), filter, o) {
		if err != nil {
			return err
		}
		count, last = count+1, d.Number
		found[d.ID] = d
	}
	end := &last
	if w.ended = count < w.batch; w.ended {
		end = nil
	}
	older, end, err := w.older(ctx, end, found)
	if err != nil {
		return err
	}
	w.changed(end, found)
	if end != nil {
		w.from = *end
	}
	w.batch = min(w.batch*4, w.s.fullest())
	if w.leg != nil {
		w.leg.examined += int64(count + older)
	}
	if err := w.s.work.look(count + older); err != nil {
		return err
	}
	return w.keep(ctx, found)
}

func (w *walk) direction() int {
	if w.down {
		return -1
	}
	return 1
}

// span are the numbers from the last one passed to the end, which is included; nil is no end.
func (w *walk) span(end *int64) bson.D {
	begin, until := "$gt", "$lte"
	if w.down {
		begin, until = "$lt", "$gte"
	}
	span := bson.D{{Key: begin, Value: w.from}}
	if end != nil {
		span = append(span, bson.E{Key: until, Value: *end})
	}
	return span
}

// older adds the versions of the state that have a successor by now, a batch of them at most: then the last of them is the end,
// and what was found beyond it is left for later.
func (w *walk) older(ctx context.Context, end *int64, found map[string]*document) (count int, nearer *int64, err error) {
	shown := append(bson.D{
		{Key: "to", Value: bson.D{{Key: "$gt", Value: w.s.view.at}}},
		{Key: "pos", Value: bson.D{{Key: "$lte", Value: w.s.view.at}}},
		{Key: "num", Value: w.span(end)},
	}, w.condition.filter("id")...)
	o := options.Find().SetSort(bson.D{{Key: "num", Value: w.direction()}}).SetLimit(int64(w.batch)).SetBatchSize(int32(w.batch))
	last := int64(0)
	for d, err := range w.s.documents(ctx, w.typ, historyCollection(w.typ), shown, o) {
		if err != nil {
			return count, nil, err
		}
		count, last = count+1, d.Number
		found[d.ID] = d
	}
	if count < w.batch {
		return count, end, nil
	}
	w.ended = false
	maps.DeleteFunc(found, func(_ string, d *document) bool { return cmp.Compare(d.Number, last)*w.direction() > 0 })
	return count, &last, nil
}

// changed puts what a preview makes of resources, and what a snapshot keeps of them, in their place.
func (w *walk) changed(end *int64, found map[string]*document) {
	w.s.view.each(w.typ, func(d *document) {
		delete(found, d.ID)
		ahead := cmp.Compare(d.Number, w.from) * w.direction()
		if ahead > 0 && (end == nil || cmp.Compare(d.Number, *end)*w.direction() <= 0) {
			found[d.ID] = d
		}
	})
}

// keep are the candidates in order, with what is asked of the resources that they refer to, or that refer to them.
func (w *walk) keep(ctx context.Context, found map[string]*document) error {
	list := make([]candidate, 0, len(found))
	for _, d := range found {
		if d.Deleted || d.Index == nil {
			continue
		}
		r, err := w.s.resource(ctx, d)
		if err != nil {
			return err
		}
		list = append(list, candidate{d, r})
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(a.Number, b.Number) * w.direction() })
	w.buffer = list
	resources := make([]search.Resource, len(list))
	for i, c := range list {
		resources[i] = c.resource
	}
	return w.s.source.expect(ctx, w.wanted, resources)
}
