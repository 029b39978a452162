package account

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What can go wrong, besides the store.
var (
	// ErrWrong is the answer to a wrong name, a wrong password and a disabled account alike, so that nobody learns
	// which names there are.
	ErrWrong = errors.New("the name, password or code is wrong")
	// ErrCodeNeeded says that the password was right and a one-time code is needed beside it.
	ErrCodeNeeded = errors.New("a one-time code is needed")
	// ErrUnknown is for administration: there is no such account.
	ErrUnknown = errors.New("there is no such account")
	// ErrExists is for administration: the name is taken.
	ErrExists = errors.New("there is such an account already")
	// ErrNoSession says that a session ended, or never was.
	ErrNoSession = errors.New("the session has ended")
	// ErrLast keeps the last account of a rank that must not be empty.
	ErrLast = errors.New("it is the last account of its rank that can sign in")
)

// InvalidError tells all that is wrong with an account or password.
type InvalidError struct{ Problems []string }

func (e *InvalidError) Error() string { return strings.Join(e.Problems, "; ") }

// LockedError says that too many attempts failed.
type LockedError struct{ Until time.Time }

func (e *LockedError) Error() string {
	return fmt.Sprintf("too many attempts failed; the next is possible at %s", e.Until.UTC().Format(time.RFC3339))
}
