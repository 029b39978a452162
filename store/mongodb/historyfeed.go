package mongodb

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

func (v *view) feed() *mongo.Collection { return v.store.db.Collection(feedCollection) }

func (e *event) method() store.Method { return store.Method(e.Method) }

func (e *event) edition() edition { return edition{store.Key{Type: e.Type, ID: e.ID}, e.Version} }

// bare is the version without its body.
func (e *event) bare() store.Version {
	return store.Version{
		Key: e.edition().Key, VersionID: e.Version, LastUpdated: e.Updated.Time().UTC(), Method: e.method(),
	}
}

// stretch is a part of the feed, and which way it is read.
type stretch struct {
	low, end    int64 // low included, end not
	oldestFirst bool
}

// eventsBatch is how many events are read at once at most.
const eventsBatch = 1000

// each visits the versions selected in a stretch, newest first or last, until visit has enough; it is
// expected to want so many.
func (h *history) each(ctx context.Context, s stretch, wanted int, visit func(*event) bool) error {
	going := true
	visitor := func(e *event) bool {
		going = !h.selects(e) || visit(e)
		return going
	}
	above := h.above()
	if !s.oldestFirst {
		slices.Reverse(above)
	}
	preview := func() {
		for _, e := range above {
			if going && s.low <= e.Position && e.Position < s.end && h.level(e) {
				visitor(e)
			}
		}
	}
	if !s.oldestFirst {
		preview()
	}
	if going {
		if err := h.eachCommitted(ctx, s, min(wanted, eventsBatch), visitor); err != nil {
			return err
		}
	}
	if s.oldestFirst {
		preview()
	}
	return nil
}

// level reports whether a version is of what the query is about.
func (h *history) level(e *event) bool {
	return (h.query.Type == "" || h.query.Type == e.Type) && (h.query.ID == "" || h.query.ID == e.ID)
}

// eachCommitted visits those of the feed, read in batches.
func (h *history) eachCommitted(ctx context.Context, s stretch, batch int, visit func(*event) bool) error {
	s.end = min(s.end, h.cursor.at+1)
	direction := -1
	if s.oldestFirst {
		direction = 1
	}
	o := options.Find().SetSort(bson.D{{Key: "_id", Value: direction}}).SetLimit(int64(batch))
	for n := batch; n == batch && s.low < s.end; {
		n = 0
		for e, err := range rows[event](ctx, h.feed(), h.filter(s), o) {
			if err != nil || !visit(e) {
				return err
			}
			if n++; s.oldestFirst {
				s.low = e.Position + 1
			} else {
				s.end = e.Position
			}
		}
	}
	return nil
}

// filter finds the versions of a stretch that may be selected.
func (h *history) filter(s stretch) bson.D {
	var filter bson.D
	if h.query.Type != "" {
		filter = append(filter, bson.E{Key: "t", Value: h.query.Type})
	}
	if h.query.ID != "" {
		filter = append(filter, bson.E{Key: "id", Value: h.query.ID})
	}
	filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$gte", Value: s.low}, {Key: "$lt", Value: s.end}}})
	if !h.query.At.IsZero() {
		filter = append(filter, bson.E{Key: "$or", Value: bson.A{
			bson.D{{Key: "to", Value: bson.D{{Key: "$exists", Value: false}}}},
			bson.D{{Key: "to", Value: bson.D{{Key: "$gt", Value: h.cursor.at}}}},
			bson.D{{Key: "lut", Value: bson.D{{Key: "$gt", Value: dateTime(h.query.At)}}}},
		}})
	}
	return filter
}

// selects reports whether a version that had begun was the last one of its resource at the moment, or
// some moment of the period, that is asked for.
func (h *history) selects(e *event) bool {
	if h.query.At.IsZero() {
		return true
	}
	end, superseded := e.Until, e.To != 0 && e.To <= h.cursor.at
	if over := h.changed(e.edition().Key); over != nil && over.Position > e.Position && !superseded {
		end, superseded = over.Updated, true
	}
	return !superseded || end.Time().After(h.query.At) && end > e.Updated
}

// historyCursor is a place in a history as of a position.
type historyCursor struct {
	fingerprint uint64
	preview     uint64
	at          int64 // newest committed position of the first page
	place       int64 // position of the version next to the page; 0 before the first
	total       int64 // of all pages plus 1; 0 where it was not counted
	back        bool  // the page before the place
}

const (
	historyCursorMark = 'h'
	historyCursorSize = 2 + 5*8 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// to is the cursor for what comes after, or before, the version at a position.
func (c historyCursor) to(place int64, back bool) store.Cursor {
	b := make(store.Cursor, 0, historyCursorSize)
	direction := byte(0)
	if back {
		direction = 1
	}
	b = append(b, historyCursorMark, direction)
	for _, n := range [...]uint64{c.fingerprint, c.preview, uint64(c.at), uint64(place), uint64(c.total)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// read gives the place that a cursor of the same query and reader holds; c is that of the first
// page, from the newest position.
func (c historyCursor) read(b store.Cursor) (historyCursor, error) {
	if len(b) != historyCursorSize || b[0] != historyCursorMark || b[1] > 1 {
		return c, store.ErrCursor
	}
	if crc32.Checksum(b[:len(b)-4], castagnoli) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return c, store.ErrCursor
	}
	number := func(i int) uint64 { return binary.BigEndian.Uint64(b[2+8*i:]) }
	got := historyCursor{
		fingerprint: number(0), preview: number(1), at: int64(number(2)), place: int64(number(3)),
		total: int64(number(4)), back: b[1] == 1,
	}
	if got.fingerprint != c.fingerprint || got.preview != c.preview || got.at < 0 || got.at > c.at || got.place < 1 || got.total < 0 {
		return c, store.ErrCursor
	}
	return got, nil
}
