package smart

import (
	"encoding/json"
	"slices"
	"time"

	"kiln/auth/scope"
)

// Context is what an app is launched in: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
type Context struct {
	Patient   string          `json:"patient,omitempty"`
	Encounter string          `json:"encounter,omitempty"`
	Others    json.RawMessage `json:"fhirContext,omitempty"` // an array of objects
	Intent    string          `json:"intent,omitempty"`
	Banner    bool            `json:"need_patient_banner"` // the app must show who the patient is
}

// Launch is what an EHR keeps for the app that it starts, under a handle.
type Launch struct {
	Context
	Client  string    `json:"client"`
	User    string    `json:"user"`
	Expires time.Time `json:"expires"`
}

// Lifetimes.
const (
	LaunchLives        = 5 * time.Minute
	AuthorizationLives = 30 * time.Minute // for signing in, choosing and consenting
	CodeLives          = time.Minute
	BackendTokenLives  = 5 * time.Minute
	AccessTokenLives   = time.Hour            // at most, and by default
	RefreshLives       = 180 * 24 * time.Hour // since it was used last
	lostReply          = 30 * time.Second     // in which a refresh token may be sent again
)

// Authorization is one on its way from a request to a code.
type Authorization struct {
	AuthorizeRequest
	Began time.Time `json:"began"`
	// Browser is the hash of the browser's name, once one went on with it; no other may.
	Browser string `json:"browser,omitempty"`
	// Launched is the launch, taken once by the request.
	Launched *Launch `json:"launched,omitempty"`
	Context  Context `json:"context"`
	// Since is the sign-in that prompt=login or a stale one was answered with.
	Prompted bool `json:"prompted,omitempty"`
}

// Person is who is signed in.
type Person struct {
	User, Rank, FHIRUser string
	Level                string
	Methods              []string
	At                   time.Time // of the sign-in
	Session              string
	// Own are the ids of the patients that the person is, or may act for; Staff chooses among those it reaches.
	Own   []string
	Staff bool
}

// Step is what is to be done next.
type Step string

// The steps.
const (
	SignIn    Step = "sign-in" // also once more, for a fresher or stronger sign-in
	WrongUser Step = "wrong-user"
	NoPatient Step = "no-patient" // the person is nobody's patient and may choose none
	Pick      Step = "pick"
	Consent   Step = "consent"
	Issue     Step = "issue"
)

// Reaches says whether a level of sign-in is as strong as another.
type Reaches func(level, wanted string) bool

// Next says what is to be done before a code. The person is nil where nobody is signed in; consented are the scopes that
// the person allowed this app before.
func (a *Authorization) Next(p *Person, asked, consented scope.Set, reaches Reaches, now time.Time) Step {
	switch {
	case p == nil, a.wants("login") && p.At.Before(a.Began), a.HasMaxAge && now.Sub(p.At) > max(a.MaxAge, a.sinceBegan(now)), !a.strong(p, reaches):
		return SignIn
	case a.Launched != nil && a.Launched.User != p.User:
		return WrongUser
	}
	if a.needsPatient(asked) && a.Context.Patient == "" {
		switch {
		case !p.Staff && len(p.Own) == 1:
			a.Context.Patient = p.Own[0]
			a.Context.Banner = true
		case p.Staff, len(p.Own) > 1:
			return Pick
		default:
			return NoPatient
		}
	}
	if a.wants("consent") || !consented.Covers(asked) || slices.ContainsFunc(asked, offline) {
		return Consent
	}
	return Issue
}

// sinceBegan lets a sign-in count that was made for this authorization, however short max_age is.
func (a *Authorization) sinceBegan(now time.Time) time.Duration {
	return now.Sub(a.Began)
}

func offline(s scope.Scope) bool { return s.Text == "offline_access" }

// strong reports whether the sign-in reaches one of the levels asked for; levels that nobody knows are not asked for.
func (a *Authorization) strong(p *Person, reaches Reaches) bool {
	known := slices.DeleteFunc(slices.Clone(a.ACR), func(level string) bool { return !reaches(level, level) })
	return len(known) == 0 || slices.ContainsFunc(known, func(level string) bool { return reaches(p.Level, level) })
}

func (a *Authorization) needsPatient(asked scope.Set) bool {
	return asked.Has("launch/patient") || asked.AnyOf(scope.Patient)
}

// Silent is what prompt=none is answered with where a step is needed:
// https://openid.net/specs/openid-connect-core-1_0.html#AuthError
func (a *Authorization) Silent(step Step) *Error {
	if !a.wants("none") || step == Issue {
		return nil
	}
	switch step {
	case SignIn:
		return refuse(LoginRequired, "The person is not signed in.")
	case Consent:
		return refuse(ConsentRequired, "The person has not consented.")
	}
	return refuse(InteractionRequired, "The person must choose.")
}

// TakeLaunch gives an authorization the context of its launch; nil where the handle is unknown, used or expired.
func (a *Authorization) TakeLaunch(l *Launch, now time.Time) *Error {
	switch {
	case l == nil, !now.Before(l.Expires), l.Client != a.ClientID:
		return refuse(InvalidRequest, "The launch is unknown, was used already or has expired.")
	}
	a.Launched, a.Context = l, l.Context
	return nil
}
