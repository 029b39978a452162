package access

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"kiln/auth"
	"kiln/auth/policy"
	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// breakGlassing is the name of the operation.
const breakGlassing = "break-glass"

// glassBucket keeps who broke the glass, by user and patient, until it ends.
const glassBucket = "access/glass"

// glassLasts is how long.
const glassLasts = time.Hour

// Glass is one breaking of the glass: a person reaches one patient for a short time without being related.
type Glass struct {
	User    string    `json:"user"`
	Patient string    `json:"patient"`
	Reason  string    `json:"reason"` // a code of v3-ActReason
	Comment string    `json:"comment"`
	Grant   string    `json:"grant"` // the approval under which it was done
	Began   time.Time `json:"began"`
	Expires time.Time `json:"expires"`
}

const actReason = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

// BreakGlass is the operation $break-glass on a Patient: in come reason, a Coding of v3-ActReason, and comment; out goes
// expires, an instant. Errors: login for nobody or for a sign-in that is too old; forbidden for who lacks the power or a
// scope; not-found for no such patient; required or value (stage content) for a reason or comment that will not do.
func (a *Authorizer) BreakGlass() fhir.Operation {
	return fhir.Operation{
		Name: breakGlassing, Levels: fhir.LevelInstance, Types: []string{"Patient"}, AffectsState: true,
		Parameters: []fhir.OperationParameter{{Name: "reason", Type: "Coding", Required: true}, {Name: "comment", Type: "string", Required: true}},
		Handler: func(ctx context.Context, _ *fhir.Service, call fhir.OperationRequest) (fhir.OperationResult, error) {
			return a.breakGlass(ctx, call)
		},
	}
}

func (a *Authorizer) breakGlass(ctx context.Context, call fhir.OperationRequest) (fhir.OperationResult, error) {
	who := auth.FromContext(ctx)
	now := a.options.Now()
	if err := a.options.Policy.Policy().Require(who, policy.BreakGlass, now); err != nil {
		return fhir.OperationResult{}, err
	}
	if err := a.Authorize(ctx, fhir.Action{Interaction: fhir.Read, Type: "Patient", ID: call.ID}); err != nil {
		return fhir.OperationResult{}, err
	}
	glass, err := readGlass(call)
	if err != nil {
		return fhir.OperationResult{}, err
	}
	if _, err := a.options.Store.Read(ctx, store.Key{Type: "Patient", ID: call.ID}); missing(err) {
		return fhir.OperationResult{}, outcome.New(outcome.NotFound, "There is no Patient/%s.", call.ID)
	} else if err != nil {
		return fhir.OperationResult{}, err
	}
	glass.User, glass.Grant, glass.Began, glass.Expires = who.User, who.Grant, now.UTC(), now.Add(glassLasts).UTC().Truncate(time.Millisecond)
	if a.options.GlassBroken != nil {
		if err := a.options.GlassBroken(ctx, glass); err != nil {
			return fhir.OperationResult{}, err
		}
	}
	if err := a.remember(ctx, glass); err != nil {
		return fhir.OperationResult{}, err
	}
	if err := a.keep(ctx, glass); err != nil {
		return fhir.OperationResult{}, err
	}
	a.broken.Add(1)
	a.options.Logger.WarnContext(ctx, "ALERT: the glass was broken; it waits for review at /auth/glass")
	answer := `{"resourceType":"Parameters","parameter":[{"name":"expires","valueInstant":"` + glass.Expires.Format("2006-01-02T15:04:05.000Z07:00") + `"}]}`
	return fhir.OperationResult{Resource: []byte(answer)}, nil
}

// readGlass reads what was sent; all that is wrong is told at once.
func readGlass(call fhir.OperationRequest) (glass Glass, err error) {
	glass = Glass{Patient: call.ID, Comment: strings.TrimSpace(call.Text("comment"))}
	var issues []outcome.Issue
	note := func(code outcome.Code, text string) {
		issues = append(issues, outcome.Issue{Severity: outcome.SeverityError, Code: code, Diagnostics: text, Expression: []string{"Parameters.parameter"}})
	}
	if reason, ok := call.Parameter("reason"); !ok {
		note(outcome.Required, "The parameter reason is missing; expected a Coding of "+actReason+".")
	} else {
		value := reason.First("value")
		glass.Reason = value.First("code").Text()
		if value.First("system").Text() != actReason || !isCode(glass.Reason) {
			note(outcome.Value, "The reason is not a code of "+actReason+", such as ETREAT.")
		}
	}
	if glass.Comment == "" {
		note(outcome.Required, "The parameter comment is missing; say in a few words why.")
	}
	if refused := outcome.Of(issues...); refused != nil {
		return glass, refused.In(outcome.StageContent)
	}
	return glass, nil
}

// isCode reports whether text looks like a code of v3-ActReason: capital letters, digits and dashes.
func isCode(text string) bool {
	return text != "" && len(text) <= 32 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

func (a *Authorizer) keep(ctx context.Context, glass Glass) error {
	value, err := json.Marshal(glass)
	if err != nil {
		return err
	}
	_, err = a.options.Store.Records(glassBucket).Put(ctx, glass.User+"\x00"+glass.Patient, value, glass.Expires, store.AnyRevision)
	a.known.epoch.Add(1)
	return err
}

// broken are the patients for whom the caller has broken the glass.
func (g *gathering) broken(ctx context.Context) (*search.Targets, error) {
	if g.who.User == "" || !g.rank.Has(policy.BreakGlass) {
		return newPatients(), nil
	}
	records, err := g.options.Store.Records(glassBucket).List(ctx, g.who.User+"\x00", "", 0)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, r := range records {
		var glass Glass
		if err := json.Unmarshal(r.Value, &glass); err != nil {
			return nil, err
		}
		g.turns(glass.Expires)
		if g.now.Before(glass.Expires) {
			ids = append(ids, glass.Patient)
		}
	}
	return newPatients(ids...), nil
}

// Broke reports whether the caller has broken the glass for a patient, whatever else they may see of them.
func (a *Authorizer) Broke(ctx context.Context, patient string) (bool, error) {
	who := auth.FromContext(ctx)
	if who == nil || who.User == "" {
		return false, nil
	}
	record, err := a.options.Store.Records(glassBucket).Get(ctx, who.User+"\x00"+patient)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var glass Glass
	err = json.Unmarshal(record.Value, &glass)
	return err == nil && a.options.Now().Before(glass.Expires), err
}

// hint is told to who looks for a patient in vain and may break the glass. It says the same whether there is one or not.
func (d *decision) hint() string {
	if d.facts == nil || d.action.Type != "Patient" || !d.rank.Has(policy.BreakGlass) {
		return ""
	}
	return "Patients who are not in your care are not shown. In an emergency, POST Patient/[id]/$break-glass opens one patient's record for an hour; it is reviewed."
}
