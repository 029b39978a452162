package mongodb

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
	"kiln/store/mongodb/bsonjson"
)

// Large bodies lie in GridFS, a file each, under a name that no other has: random, and behind it the checksum.
// A file is there before the version that refers to it; where that does not come, the file is in the way of nobody until
// it is swept. A note, which is there before the file, tells what to look for.
//
//	large.new  _id name of the file; of whose body; since when, by the server's clock
const (
	notesCollection = largeBucket + ".new"
	// lostAfter is how old a file is that nothing refers to any more. No commit takes so long.
	lostAfter = 24 * time.Hour
)

// note tells of a file that may be one that nothing refers to.
type note struct {
	File  string        `bson:"_id"`
	Type  string        `bson:"t"`
	ID    string        `bson:"id"`
	Since bson.DateTime `bson:"since"`
}

// bucket is for one file: it is not safe for several at once.
func (s *Store) bucket() *mongo.GridFSBucket {
	return s.db.GridFSBucket(options.GridFSBucket().SetName(largeBucket))
}

func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// upload makes a file of a body and gives its name.
func (s *Store) upload(ctx context.Context, key store.Key, text []byte) (file string, err error) {
	file = rand.Text() + "-" + checksum(text)
	_, err = s.db.Collection(notesCollection).UpdateByID(ctx, file,
		bson.D{{Key: "$set", Value: bson.D{{Key: "t", Value: key.Type}, {Key: "id", Value: key.ID}}}, {Key: "$currentDate", Value: bson.D{{Key: "since", Value: true}}}},
		options.UpdateOne().SetUpsert(true))
	if err != nil {
		return "", fmt.Errorf("noting a large resource: %w", err)
	}
	if err := s.bucket().UploadFromStreamWithID(ctx, file, key.String(), bytes.NewReader(text)); err != nil {
		return "", fmt.Errorf("uploading a large resource: %w", err)
	}
	return file, nil
}

// download reads the body in a file, and checks it.
func (s *Store) download(ctx context.Context, file string) ([]byte, error) {
	stream, err := s.bucket().OpenDownloadStream(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("downloading a large resource: %w", err)
	}
	defer stream.Close()
	length := stream.GetFile().Length
	if length < 0 || length > bsonjson.MaxText {
		return nil, fmt.Errorf("%w: a file of %d bytes", errBody, length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(stream, text); err != nil {
		return nil, fmt.Errorf("downloading a large resource: %w", err)
	}
	if _, sum, _ := strings.Cut(file, "-"); sum != checksum(text) {
		return nil, fmt.Errorf("%w: a file has another checksum", errBody)
	}
	return text, nil
}

// sweepEvery is how often a process looks for files that nothing refers to.
const sweepEvery = 6 * time.Hour

// keepSweeping sweeps until the store is closed. What fails is tried again the next time.
func (s *Store) keepSweeping() {
	ctx, stop := s.lifetime()
	defer stop()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		_, _ = s.sweepLarge(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweepLarge removes the files that nothing refers to and that are old enough for nothing to do so later, and tells
// how many. It is safe for several at once and may be stopped.
func (s *Store) sweepLarge(ctx context.Context) (removed int, err error) {
	now, err := s.serverTime(ctx)
	if err != nil {
		return 0, err
	}
	if left, err := s.intentLeft(ctx); left || err != nil {
		return 0, err // it may refer to one, and somebody will finish it
	}
	for {
		notes, err := s.oldNotes(ctx, now.Add(-lostAfter))
		if err != nil {
			return removed, err
		}
		for _, n := range notes {
			lost, err := s.sweepNote(ctx, n)
			if err != nil {
				return removed, err
			}
			if lost {
				removed++
			}
		}
		if len(notes) < maxNotes {
			return removed, nil
		}
	}
}

// sweepNote removes a file that nothing refers to, and its note in either case.
func (s *Store) sweepNote(ctx context.Context, n note) (lost bool, err error) {
	used, err := s.refersTo(ctx, n)
	if err != nil {
		return false, err
	}
	if !used {
		if err := s.removeFile(ctx, n.File); err != nil {
			return false, err
		}
	}
	if _, err := s.db.Collection(notesCollection).DeleteOne(ctx, byID(n.File)); err != nil {
		return false, fmt.Errorf("sweeping large resources: %w", err)
	}
	return !used, nil
}

func byID(id any) bson.D { return bson.D{{Key: "_id", Value: id}} }

// serverTime is what the server's clock shows.
func (s *Store) serverTime(ctx context.Context) (time.Time, error) {
	var answer struct {
		LocalTime time.Time `bson:"localTime"`
	}
	if err := s.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&answer); err != nil {
		return time.Time{}, fmt.Errorf("asking the server for its time: %w", err)
	}
	if answer.LocalTime.IsZero() {
		return time.Time{}, errors.New("the server does not tell its time")
	}
	return answer.LocalTime, nil
}

// maxNotes bounds how many are read at once.
const maxNotes = 1000

func (s *Store) oldNotes(ctx context.Context, before time.Time) (notes []note, err error) {
	found, err := s.db.Collection(notesCollection).Find(ctx,
		bson.D{{Key: "since", Value: bson.D{{Key: "$lt", Value: dateTime(before)}}}}, options.Find().SetLimit(maxNotes))
	if err == nil {
		err = found.All(ctx, &notes)
	}
	if err != nil {
		return nil, fmt.Errorf("sweeping large resources: %w", err)
	}
	return notes, nil
}

// intentLeft reports whether there are commits that are not done yet.
func (s *Store) intentLeft(ctx context.Context) (bool, error) {
	return s.exists(ctx, intentsCollection, bson.D{})
}

// refersTo reports whether a version has its body in the file.
func (s *Store) refersTo(ctx context.Context, n note) (bool, error) {
	newest := bson.D{{Key: "_id", Value: n.ID}, {Key: "large", Value: n.File}}
	if used, err := s.exists(ctx, currentCollection(n.Type), newest); used || err != nil {
		return used, err
	}
	older := bson.D{{Key: "id", Value: n.ID}, {Key: "large", Value: n.File}}
	return s.exists(ctx, historyCollection(n.Type), older) // where a version is before another takes its place
}

func (s *Store) exists(ctx context.Context, collection string, filter bson.D) (bool, error) {
	err := s.db.Collection(collection).FindOne(ctx, filter, options.FindOne().SetProjection(byID(1))).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("sweeping large resources: %w", err)
	}
	return true, nil
}

// removeFile takes the chunks away first, so that what is left after a crash is found again.
func (s *Store) removeFile(ctx context.Context, file string) error {
	b := s.bucket()
	_, err := b.GetChunksCollection().DeleteMany(ctx, bson.D{{Key: "files_id", Value: file}})
	if err == nil {
		_, err = b.GetFilesCollection().DeleteOne(ctx, byID(file))
	}
	if err != nil {
		return fmt.Errorf("removing a large resource: %w", err)
	}
	return nil
}
