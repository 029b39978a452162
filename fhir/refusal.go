package fhir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kiln/resources/outcome"
	"kiln/store"
)

// refusal turns what a store says into what the caller is told; it is the one place that knows
// the errors of the store. What it does not know passes through: a fault of the server.
func refusal(err error, key store.Key) error {
	var unindexed *store.UnindexedError
	if errors.As(err, &unindexed) { // it was whole when the query was read
		return outcome.New(outcome.NotSupported, "The search parameter %q is being indexed.", unindexed.Param.Code).In(outcome.StageSyntax).Because(err)
	}
	var (
		refused  *outcome.Error
		gone     *store.GoneError
		conflict *store.ConflictError
		cost     *store.CostError
	)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrUnknown): // before all that says that nothing was changed
		return outcome.New(outcome.Incomplete, "The database failed while this request was being applied, and it is not known whether it was: either all of it is stored, or nothing. Look before you send it again.").Because(err)
	case errors.As(err, &refused):
		return err
	case errors.As(err, &gone):
		return outcome.New(outcome.Deleted, "%s is deleted.", gone.Tombstone.Key).Because(err)
	case errors.Is(err, store.ErrNotFound):
		return notFound(key)
	case errors.As(err, &conflict):
		return refusedCommit(conflict)
	case errors.As(err, &cost):
		return costlySearch(cost)
	case errors.Is(err, store.ErrTooLarge):
		return tooLarge(err)
	case errors.Is(err, store.ErrCursor):
		return badPage().Because(err)
	case errors.Is(err, store.ErrUnreachable):
		return outcome.New(outcome.Transient, "The database does not answer at present. Try again in a moment.").Because(err)
	case errors.Is(err, store.ErrClosed):
		return outcome.New(outcome.NoStore, "The server is shutting down.").Because(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return outcome.New(outcome.Timeout, "The time for this request ended before it was done; nothing was changed.").Because(err)
	}
	return err
}

func notFound(key store.Key) *outcome.Error {
	return outcome.New(outcome.NotFound, "There is no %s.", clipped(key))
}

// refusedCommit words the conflicts that are left when trying again did not help.
func refusedCommit(c *store.ConflictError) error {
	switch c.Kind {
	case store.KindClaim:
		return outcome.New(outcome.Conflict, "%s holds what this write needs for itself; nothing was changed.", c.Holder).Because(c)
	case store.KindDuplicate:
		return outcome.New(outcome.Invalid, "%s is changed twice by one transaction.", c.Key).In(outcome.StageSyntax).Because(c)
	}
	return outcome.New(outcome.Conflict, "Others keep changing the same thing at the same time; nothing was changed. Try again.").Because(c)
}

// tooLarge words the bound that a write went beyond.
func tooLarge(err error) error {
	var limit *store.LimitError
	reason := "The write is too large to be applied at once"
	switch {
	case !errors.As(err, &limit):
	case limit.Time > 0:
		reason = fmt.Sprintf("The write takes longer than %g s to be applied, the most that this server gives one", limit.Time.Seconds())
	default:
		reason = fmt.Sprintf("The write makes %d bytes as they are stored, indexes included; at most %d are applied at once", limit.Bytes, limit.Most)
	}
	return outcome.New(outcome.TooLong, "%s; nothing was changed. Send it in parts.", reason).In(outcome.StageTooLarge).Because(err)
}

// staleMatch is the answer where If-Match or If-None-Match does not hold.
func staleMatch(header string, key store.Key, current store.Version) error {
	state := "it does not exist"
	switch {
	case current.Deleted():
		state = "it is deleted"
	case current.VersionID != 0:
		state = "its current version is " + strconv.FormatInt(current.VersionID, 10)
	}
	return outcome.New(outcome.Conflict, "%s does not hold for %s: %s. Nothing was changed.", header, clipped(key), state).In(outcome.StagePrecondition)
}

// invalid is a request that cannot be understood (400).
func invalid(format string, args ...any) *outcome.Error {
	return outcome.New(outcome.Invalid, format, args...).In(outcome.StageSyntax)
}

// clip shortens what a caller sent for a sentence.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

// clipped is a key for a sentence.
func clipped(key store.Key) string { return clip(key.Type) + "/" + clip(key.ID) }

// within says that an error is of one entry of a Bundle: places inside its resource get the
// entry's before them.
func within(err error, place string) error {
	var refused *outcome.Error
	if err == nil || place == "" || !errors.As(err, &refused) {
		return err
	}
	moved := &outcome.Error{Stage: refused.Stage, Issues: issuesWithin(refused.Issues, place)}
	return moved.Because(err)
}

// issuesWithin are the issues of one entry of a Bundle, as within places them.
func issuesWithin(issues []outcome.Issue, place string) []outcome.Issue {
	moved := withoutPositions(issues)
	for i, issue := range moved {
		moved[i].Expression = moveInto(issue.Expression, place)
	}
	return moved
}

// withoutPositions drops lines and columns: those of a text that nobody sent mean nothing.
func withoutPositions(issues []outcome.Issue) []outcome.Issue {
	out := slices.Clone(issues)
	for i := range out {
		out[i].Line, out[i].Column = 0, 0
	}
	return out
}

func moveInto(expressions []string, place string) []string {
	if len(expressions) == 0 {
		return []string{place}
	}
	moved := make([]string, len(expressions))
	for i, x := range expressions {
		if strings.HasPrefix(x, "Bundle.entry[") {
			moved[i] = x
			continue
		}
		moved[i] = place + ".resource"
		if _, rest, below := strings.Cut(x, "."); below {
			moved[i] += "." + rest
		}
	}
	return moved
}
