package mongodb

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store"
)

// The collections beside those of the types.
const (
	kilnCollection    = "kiln"
	feedCollection    = "feed"
	claimsCollection  = "claims"
	guardsCollection  = "guards"
	recordsCollection = "records"
	largeBucket       = "large"
)

func currentCollection(typ string) string { return typ }
func historyCollection(typ string) string { return typ + "_history" }

// document is a version of a resource as it lies in the collections of its type.
type document struct {
	Name     string        `bson:"_id"` // the id; in the history the id, a slash and the version
	ID       string        `bson:"id"`
	Version  int64         `bson:"v"`
	Position int64         `bson:"pos"`
	To       int64         `bson:"to,omitempty"` // position of its successor, in the history
	Number   int64         `bson:"num"`
	Updated  bson.DateTime `bson:"lu"`
	Method   int32         `bson:"m"` // store.Method
	Deleted  bool          `bson:"del,omitempty"`
	Resource bson.Raw      `bson:"r,omitempty"`
	Raw      []byte        `bson:"raw,omitempty"`   // the text, where Resource does not give it back or is not kept
	Large    string        `bson:"large,omitempty"` // file of the text
	Index    *index        `bson:"ix,omitempty"`
	Claims   []bson.Binary `bson:"claims,omitempty"`

	typ string
}

// index are the keys and values that a version is found by.
type index struct {
	Keys   []string `bson:"k"`
	Values []byte   `bson:"v"`
}

func (d *document) key() store.Key { return store.Key{Type: d.typ, ID: d.ID} }

// visible reports whether d is the version of its resource in the state.
func (d *document) visible(at int64) bool { return d.Position <= at && (d.To == 0 || at < d.To) }

// bare is the version without its body.
func (d *document) bare() store.Version {
	return store.Version{
		Key: d.key(), VersionID: d.Version, LastUpdated: d.Updated.Time().UTC(), Method: store.Method(d.Method),
	}
}

// event is a version in the feed.
type event struct {
	Position int64         `bson:"_id"`
	Type     string        `bson:"t"`
	ID       string        `bson:"id"`
	Version  int64         `bson:"v"`
	Method   int32         `bson:"m"`
	Updated  bson.DateTime `bson:"lu"`
	To       int64         `bson:"to,omitempty"` // position of its successor
	Until    bson.DateTime `bson:"lut,omitempty"`
}

// head is how far the store has come.
type head struct {
	Position int64         `bson:"pos"`
	Updated  bson.DateTime `bson:"lu"`
	Numbers  int64         `bson:"num"`
	Revision int64         `bson:"rev"`
	Turn     int64         `bson:"turn"` // grows with every landing
	// Plans are those that landed last, the newest first; see landOrdered.
	Plans []string `bson:"plans,omitempty"`
}

func dateTime(t time.Time) bson.DateTime { return bson.NewDateTimeFromTime(t) }
