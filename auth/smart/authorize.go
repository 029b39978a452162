package smart

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"kiln/auth/scope"
)

// AuthorizeRequest is what an app asks for: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
type AuthorizeRequest struct {
	ResponseType string        `json:"response_type"`
	ClientID     string        `json:"client_id"`
	RedirectURI  string        `json:"redirect_uri"`
	Scope        string        `json:"scope"`
	State        string        `json:"state"`
	Audience     string        `json:"aud"`
	Launch       string        `json:"launch,omitempty"`
	Challenge    string        `json:"code_challenge"`
	Method       string        `json:"code_challenge_method"`
	Nonce        string        `json:"nonce,omitempty"`
	Prompt       string        `json:"prompt,omitempty"`
	LoginHint    string        `json:"login_hint,omitempty"`
	ACR          []string      `json:"acr_values,omitempty"`
	MaxAge       time.Duration `json:"max_age,omitempty"`
	HasMaxAge    bool          `json:"has_max_age,omitempty"`
}

// maxParameter bounds each parameter.
const maxParameter = 8 << 10

// ReadAuthorize reads a request, as sent by GET or POST. A parameter that is there twice is refused
// (https://www.rfc-editor.org/rfc/rfc6749#section-3.1), to a page where it names the app.
func ReadAuthorize(form url.Values) (*AuthorizeRequest, *Error) {
	for name, values := range form {
		if len(values) > 1 || len(values) == 1 && len(values[0]) > maxParameter {
			return nil, page("The parameter %q is there twice, or too long.", clip(name))
		}
	}
	r := &AuthorizeRequest{
		ResponseType: form.Get("response_type"), ClientID: form.Get("client_id"), RedirectURI: form.Get("redirect_uri"),
		Scope: form.Get("scope"), State: form.Get("state"), Audience: form.Get("aud"), Launch: form.Get("launch"),
		Challenge: form.Get("code_challenge"), Method: form.Get("code_challenge_method"), Nonce: form.Get("nonce"),
		Prompt: form.Get("prompt"), LoginHint: form.Get("login_hint"), ACR: strings.Fields(form.Get("acr_values")),
	}
	if age := form.Get("max_age"); age != "" {
		seconds, err := strconv.ParseUint(age, 10, 31)
		if err != nil {
			return nil, page("The parameter max_age is not a number of seconds.")
		}
		r.MaxAge, r.HasMaxAge = time.Duration(seconds)*time.Second, true
	}
	return r, nil
}

func clip(text string) string {
	if len(text) > 60 {
		return text[:60] + "…"
	}
	return text
}

var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) // of SHA-256: https://www.rfc-editor.org/rfc/rfc7636#section-4.2

// Check judges a request. The client is the one that is named, nil if there is none; base is the FHIR base. An error with
// Page is for the person alone; others go to the app.
func (r *AuthorizeRequest) Check(c *Client, base string) *Error {
	switch {
	case c == nil:
		return page("There is no app with the client id %q here.", clip(r.ClientID))
	case c.State == Pending:
		return page("The app %s waits for an administrator's approval.", c.Called())
	case c.State != Active:
		return page("The app %s may not be used at present.", c.Called())
	case !c.redirects(r.RedirectURI):
		return page("The app asks to be answered at an address that it has not registered.")
	case c.Backend:
		return refuse(UnauthorizedClient, "This client is a backend service and asks for tokens without a person.")
	case r.ResponseType != "code":
		return refuse(UnsupportedResponse, "response_type must be code.")
	case r.State == "":
		return refuse(InvalidRequest, "state is missing.")
	case strings.TrimRight(r.Audience, "/") != base && (r.Audience != "" || r.aboutRecords()):
		return refuse(InvalidRequest, "aud must be the FHIR base, %s.", base)
	case r.Method != "S256" || !challengeForm.MatchString(r.Challenge):
		return refuse(InvalidRequest, "code_challenge must be that of S256, and code_challenge_method must say so.")
	case r.Prompt != "" && r.Prompt != "none" && r.Prompt != "login" && r.Prompt != "consent" && r.Prompt != "select_account" && r.Prompt != "login consent" && r.Prompt != "consent login":
		return refuse(InvalidRequest, "prompt must be none, login or consent.")
	}
	asked, _ := scope.Parse(r.Scope)
	launches := asked.Has("launch")
	switch granted := asked.Intersect(c.MayHave()); {
	case len(granted) == 0:
		return refuse(InvalidScope, "None of the scopes is understood and registered for this app.")
	case r.Launch != "" && !launches:
		return refuse(InvalidRequest, "There is a launch, and the scope launch is not asked for.")
	case launches && r.Launch == "":
		return refuse(InvalidRequest, "The scope launch is for a launch from an EHR; without one ask for launch/patient.")
	case asked.AnyOf(scope.System):
		return refuse(InvalidScope, "system/ scopes are for backend services.")
	}
	return nil
}

// aboutRecords reports whether records are asked for, and not just who the person is.
func (r *AuthorizeRequest) aboutRecords() bool {
	asked, _ := scope.Parse(r.Scope)
	return slices.ContainsFunc(asked, func(s scope.Scope) bool { return s.Level != scope.None || strings.HasPrefix(s.Text, "launch") })
}

// Asked are the scopes that may be granted at all: those asked for that the client may have.
func (r *AuthorizeRequest) Asked(c *Client) scope.Set {
	asked, _ := scope.Parse(r.Scope)
	return asked.Intersect(c.MayHave())
}

// wants reports whether prompt has a word.
func (r *AuthorizeRequest) wants(word string) bool {
	for _, w := range strings.Fields(r.Prompt) {
		if w == word {
			return true
		}
	}
	return false
}

// Answer is the address of the app with an answer: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2 and, for iss,
// https://www.rfc-editor.org/rfc/rfc9207
func (r *AuthorizeRequest) Answer(issuer string, parameters url.Values) string {
	u, err := url.Parse(r.RedirectURI)
	if err != nil {
		return r.RedirectURI // it was registered, letter by letter
	}
	query := u.Query()
	for name, values := range parameters {
		query[name] = values
	}
	query.Set("state", r.State)
	query.Set("iss", issuer)
	u.RawQuery = query.Encode()
	return u.String()
}

// Refuse is the address of the app with a refusal.
func (r *AuthorizeRequest) Refuse(issuer string, e *Error) string {
	return r.Answer(issuer, url.Values{"error": {e.Code}, "error_description": {e.Description}})
}
