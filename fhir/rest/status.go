package rest

import (
	"context"
	"errors"
	"net/http"

	"kiln/resources/outcome"
	"kiln/store"
)

// statusByStage decides where the stage of an error says more than its code.
var statusByStage = map[outcome.Stage]int{
	outcome.StageSyntax:           http.StatusBadRequest,
	outcome.StageContent:          http.StatusUnprocessableEntity,
	outcome.StagePrecondition:     http.StatusPreconditionFailed,
	outcome.StageUnacceptable:     http.StatusNotAcceptable,
	outcome.StageUnsupportedMedia: http.StatusUnsupportedMediaType,
	outcome.StageTooLarge:         http.StatusRequestEntityTooLarge,
	outcome.StageMethod:           http.StatusMethodNotAllowed,
}

// statusByCode is the status of an issue code, for errors without a stage.
// https://hl7.org/fhir/R4/http.html#summary and #2.21.0.4
var statusByCode = map[outcome.Code]int{
	outcome.Invalid:         http.StatusBadRequest,
	outcome.Structure:       http.StatusBadRequest,
	outcome.Required:        http.StatusBadRequest,
	outcome.Value:           http.StatusBadRequest,
	outcome.Invariant:       http.StatusUnprocessableEntity,
	outcome.Security:        http.StatusForbidden,
	outcome.Login:           http.StatusUnauthorized,
	outcome.Unknown:         http.StatusUnauthorized,
	outcome.Expired:         http.StatusUnauthorized,
	outcome.Forbidden:       http.StatusForbidden,
	outcome.Suppressed:      http.StatusForbidden,
	outcome.Processing:      http.StatusUnprocessableEntity,
	outcome.NotSupported:    http.StatusNotFound,
	outcome.Duplicate:       http.StatusConflict,
	outcome.MultipleMatches: http.StatusPreconditionFailed,
	outcome.NotFound:        http.StatusNotFound,
	outcome.Deleted:         http.StatusGone,
	outcome.TooLong:         http.StatusRequestEntityTooLarge,
	outcome.CodeInvalid:     http.StatusUnprocessableEntity,
	outcome.Extension:       http.StatusUnprocessableEntity,
	outcome.TooCostly:       http.StatusForbidden,
	outcome.BusinessRule:    http.StatusUnprocessableEntity,
	outcome.Conflict:        http.StatusConflict,
	outcome.Transient:       http.StatusServiceUnavailable,
	outcome.LockError:       http.StatusServiceUnavailable,
	outcome.NoStore:         http.StatusServiceUnavailable,
	outcome.Exception:       http.StatusInternalServerError,
	outcome.Timeout:         http.StatusServiceUnavailable,
	outcome.Incomplete:      http.StatusServiceUnavailable,
	outcome.Throttled:       http.StatusTooManyRequests,
}

// What HTTP has a status for and FHIR no code or stage.
var (
	errSlow  = errors.New("the body did not come in time")
	errLong  = errors.New("the address is too long")
	errRange = errors.New("the range lies behind the end")
)

var statusByCause = [...]struct {
	cause  error
	status int
}{
	{errSlow, http.StatusRequestTimeout},
	{errLong, http.StatusRequestURITooLong},
	{store.ErrUnknown, http.StatusGatewayTimeout}, // and not 503, which asks to send it again
	{errRange, http.StatusRequestedRangeNotSatisfiable},
}

// Status is the HTTP status of an error; 500 for what the tables do not know. It is also for those
// who process a Bundle without HTTP: fhir.BundleRequest.Status.
func Status(e *outcome.Error) int {
	for _, special := range statusByCause {
		if errors.Is(e, special.cause) {
			return special.status
		}
	}
	if status, ok := statusByStage[e.Stage]; ok {
		return status
	}
	if status, ok := statusByCode[e.Code()]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// refusal turns any error into one for people: the end of the request's time becomes timeout.
func refusal(err error) *outcome.Error {
	var e *outcome.Error
	if !errors.As(err, &e) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return outcome.New(outcome.Timeout, "The request took longer than this server allows. If it was a write, its outcome is open: read to find out.").Because(err)
	}
	return outcome.As(err)
}
