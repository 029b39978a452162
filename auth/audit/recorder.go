package audit

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"kiln/auth"
	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// RecorderOptions configure a Recorder. All but Now are required.
type RecorderOptions struct {
	Log *Log
	// Authenticator finds out who asks.
	Authenticator interface {
		Authenticate(r *http.Request) (context.Context, error)
	}
	// Patients are the ids of the patients whose record a resource is part of.
	Patients func(e resources.Element, id string) []string
	// Broke reports whether the caller has broken the glass for a patient.
	Broke func(ctx context.Context, patient string) (bool, error)
	// CatchUp publishes what was noted, before somebody looks for AuditEvents.
	CatchUp func(ctx context.Context) error
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Recorder notes every request: what it wrote, in the transaction that writes it, and at its end what it disclosed or was
// refused. It implements rest.Authenticator and fhir.Auditor.
type Recorder struct{ options RecorderOptions }

// NewRecorder is one.
func NewRecorder(options RecorderOptions) *Recorder {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Recorder{options}
}

// caller is where a request comes from, for what is noted of its writes.
type caller struct{ address string }

type callerKey struct{}

// Authenticate implements rest.Authenticator. While the log takes no more, nothing is served that it would have to tell of.
func (c *Recorder) Authenticate(r *http.Request) (context.Context, error) {
	if c.options.Log.Full() {
		return nil, outcome.New(outcome.NoStore, "The audit log cannot be written, so nothing can be shown or changed.").Because(ErrFull)
	}
	ctx, err := c.options.Authenticator.Authenticate(r)
	if err != nil {
		return nil, err
	}
	looking := r.Method == http.MethodGet || r.Method == http.MethodHead || strings.HasSuffix(r.URL.Path, "/_search")
	if looking && strings.HasPrefix(r.URL.Path, auditEvents) && auth.FromContext(ctx) != nil {
		if err := c.options.CatchUp(ctx); err != nil {
			return nil, outcome.New(outcome.Timeout, "Not all AuditEvents could be made in time; try again.").Because(err)
		}
	}
	ctx = auth.WithTrail(ctx, &auth.Trail{})
	return context.WithValue(ctx, callerKey{}, caller{address: address(r)}), nil
}

// auditEvents is where addresses of AuditEvents begin.
const auditEvents = "/fhir/AuditEvent"

// address is that of the other end of the connection. What a header says of it is not believed.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// kinds of what requests do; writes are told by what they wrote.
var kinds = map[fhir.Interaction]Kind{
	fhir.Read: Read, fhir.VRead: Read, fhir.HistoryInstance: Query, fhir.HistoryType: Query, fhir.HistorySystem: Query,
	fhir.SearchType: Query, fhir.SearchSystem: Query, fhir.SearchCompart: Query, fhir.Create: Create, fhir.Update: Update,
	fhir.Patch: Update, fhir.Delete: Delete, fhir.Batch: Execute, fhir.Transaction: Execute, fhir.Operate: Execute,
}

// Finished implements rest.Authenticator.
func (c *Recorder) Finished(ctx context.Context, r *http.Request, end rest.Ending) {
	who := auth.FromContext(ctx)
	if who == nil && r.Header["Authorization"] == nil {
		return // nobody tried: there is nobody to tell of
	}
	e := (&Event{
		At: c.options.Now(), Kind: kinds[end.Action.Interaction], Interaction: string(end.Action.Interaction), Outcome: Done,
		Request: end.Request, Address: address(r),
	}).By(who)
	if end.Action.Operation != "" {
		e.Interaction, e.Detail = "operation", "$"+end.Action.Operation
	}
	if e.Kind == Query || e.Kind == Execute {
		e.Query = withoutSecrets(r.URL.RequestURI())
		if end.Asked != "" {
			e.Query += "\n" + clip(withoutSecrets(end.Asked))
		}
	}
	resource := ""
	if end.Action.ID != "" {
		resource = end.Action.Type + "/" + end.Action.ID
		if end.Version != "" {
			resource += "/_history/" + end.Version
		}
	}
	if end.Status >= http.StatusBadRequest {
		e.Outcome, e.Detail, e.Resource = refusedBy(end.Status), http.StatusText(end.Status), resource
		if end.Status == http.StatusUnauthorized { // anybody may send as much as they like
			e.Query = ""
		}
		c.note(e)
		return
	}
	c.disclosed(ctx, e, resource)
}

func refusedBy(status int) Outcome {
	if status == http.StatusUnauthorized || status >= http.StatusInternalServerError {
		return Serious
	}
	return Refused
}

// disclosed notes an event for each patient whose record left. A write that gave nothing back but what it wrote is told
// already.
//
// Patients see the events of their own record, so what was asked about others is not in them: then they have the names of
// what was asked, and one more event, which is no patient's, has all of it.
func (c *Recorder) disclosed(ctx context.Context, e *Event, resource string) {
	writes := e.Kind == Create || e.Kind == Update || e.Kind == Delete
	var told []*Event
	auth.TrailFrom(ctx).Disclosed(func(patient, one string, broken bool) {
		switch {
		case writes:
			return
		case e.Kind == Execute && patient == "" && one == "":
		case e.Kind == Execute:
			e.Kind = Query
		}
		t := *e
		t.Patient, t.Resource = patient, one
		if broken {
			t.Purpose = brokenGlass
		}
		if resource != "" && (e.Query == "" || patient == "" || resource == "Patient/"+patient) {
			t.Resource = resource
		}
		told = append(told, &t)
	})
	if shown := e.shown(told); shown != e.Query {
		all := *e
		all.Resource = resource
		c.note(&all)
		for _, t := range told {
			t.Query = shown
		}
	}
	for _, t := range told {
		c.note(t)
	}
}

// brokenGlass is the purpose of what is seen since the glass was broken: https://terminology.hl7.org/CodeSystem-v3-ActReason.html
const brokenGlass = "BTG"

func (c *Recorder) note(e *Event) {
	if err := c.options.Log.Note(e); err != nil && !errors.Is(err, ErrFull) {
		c.options.Log.options.Logger.Error("an event could not be noted", "error", err)
	}
}

var writeKinds = map[store.Method]Kind{store.Create: Create, store.Update: Update, store.Patch: Update, store.Delete: Delete}

// Writes implements fhir.Auditor: an event for each change and each patient whose record it is in, before or after. The
// server's own AuditEvents are not told of.
func (c *Recorder) Writes(ctx context.Context, changes []fhir.Written) ([]store.RecordChange, func(), error) {
	who := auth.FromContext(ctx)
	if who != nil && who.Itself() {
		return nil, func() {}, nil
	}
	from, _ := ctx.Value(callerKey{}).(caller)
	request, _ := ctx.Value(fhir.RequestIDKey{}).(string)
	events := make([]*Event, 0, len(changes))
	for i := range changes {
		w := &changes[i]
		e := (&Event{
			At: c.options.Now(), Kind: writeKinds[w.Method], Outcome: Done, Interaction: string(interactions[w.Method]), Request: request,
			Address: from.address, Resource: w.Key.String(),
		}).By(who)
		patients, err := c.patients(w)
		if err != nil {
			return nil, nil, err
		}
		if len(patients) == 0 {
			events = append(events, e)
		}
		for _, p := range patients {
			told := *e
			told.Patient = p
			if told.Purpose, err = c.purpose(ctx, p); err != nil {
				return nil, nil, err
			}
			events = append(events, &told)
		}
	}
	prepared, err := c.options.Log.Prepare(events...)
	if err != nil {
		return nil, nil, err
	}
	return []store.RecordChange{prepared.Record}, func() { c.options.Log.Landed(prepared) }, nil
}

// purpose is that of whoever has broken the glass for a patient.
func (c *Recorder) purpose(ctx context.Context, patient string) (string, error) {
	broke, err := c.options.Broke(ctx, patient)
	if broke {
		return brokenGlass, err
	}
	return "", err
}

var interactions = map[store.Method]fhir.Interaction{
	store.Create: fhir.Create, store.Update: fhir.Update, store.Patch: fhir.Patch, store.Delete: fhir.Delete,
}

// patients are those whose record a resource was part of, or will be.
func (c *Recorder) patients(w *fhir.Written) ([]string, error) {
	var all []string
	add := func(doc *resources.Document) error {
		e, err := doc.Resource()
		if err != nil {
			return err
		}
		for _, p := range c.options.Patients(e, w.Key.ID) {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
		return nil
	}
	if w.After != nil {
		if err := add(w.After); err != nil {
			return nil, err
		}
	}
	if w.Before != nil {
		before, err := resources.Parse(w.Before)
		if err == nil {
			err = add(before)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
