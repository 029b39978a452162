package store

import "context"

// BatchReader is a Reader that reads many resources for less than one after another.
type BatchReader interface {
	Reader

	// ReadAll gives the current versions of resources, in the places of their keys; zero where there is
	// none, or it is deleted, which are no errors. All of them are of one state.
	ReadAll(ctx context.Context, keys []Key) ([]Version, error)
}
