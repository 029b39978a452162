package peer_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store/mongodb/peer"
)

// TestStart: what is written is found again, by this test alone.
func TestStart(t *testing.T) {
	server := peer.Start(t)
	client, err := mongo.Connect(options.Client().ApplyURI(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(t.Context())
	mine, other := client.Database(server.Database(t)).Collection("c"), client.Database(server.Database(t)).Collection("c")
	if _, err := mine.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}); err != nil {
		t.Fatal(err)
	}
	for collection, want := range map[*mongo.Collection]int64{mine: 1, other: 0} {
		got, err := collection.CountDocuments(t.Context(), bson.D{{Key: "_id", Value: "a"}})
		if err != nil || got != want {
			t.Errorf("expected %d documents, got %d and the error %v", want, got, err)
		}
	}
}
