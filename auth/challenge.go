package auth

import (
	"strconv"
	"strings"
	"time"

	"kiln/resources/outcome"
)

// Challenge says what a request lacks, as the cause of an *outcome.Error; HTTP tells it in WWW-Authenticate
// (https://www.rfc-editor.org/rfc/rfc6750#section-3).
type Challenge struct {
	Code   string        // invalid_token, insufficient_scope, insufficient_user_authentication; "" where no token came
	Scope  string        // that would do
	ACR    []string      // levels of which one would do (https://www.rfc-editor.org/rfc/rfc9470)
	MaxAge time.Duration // how old a sign-in may be; 0: as old as it likes
}

// Error is the code.
func (c *Challenge) Error() string { return "challenge " + c.Code }

// WWWAuthenticate is the header's value.
func (c *Challenge) WWWAuthenticate() string {
	var b strings.Builder
	b.WriteString(`Bearer realm="fhir"`)
	param := func(name, value string) {
		if value != "" {
			b.WriteString(", " + name + `="` + value + `"`)
		}
	}
	param("error", c.Code)
	param("scope", c.Scope)
	param("acr_values", strings.Join(c.ACR, " "))
	if c.MaxAge > 0 {
		b.WriteString(", max_age=" + strconv.Itoa(int(c.MaxAge.Seconds())))
	}
	return b.String()
}

// NoToken refuses (401) who did not say who they are.
func NoToken() *outcome.Error {
	return outcome.New(outcome.Login, "An access token is needed: the header Authorization with Bearer and the token.").Because(&Challenge{})
}

// BadToken refuses (401) a token that is unknown, has expired or was revoked; which of them is not told.
func BadToken() *outcome.Error {
	return outcome.New(outcome.Login, "The access token is not valid, or not any more.").Because(&Challenge{Code: "invalid_token"})
}

// StepUp refuses (401) a sign-in that is too weak or too old for an act, and says what would do.
func StepUp(acr []string, maxAge time.Duration) *outcome.Error {
	sentence := "This needs a sign-in"
	if maxAge > 0 {
		sentence += " of the last " + strconv.Itoa(int(maxAge.Minutes())) + " minutes"
	}
	if len(acr) > 0 {
		sentence += " by a second means (" + strings.Join(acr, " or ") + ")"
	}
	return outcome.New(outcome.Login, "%s.", sentence).
		Because(&Challenge{Code: "insufficient_user_authentication", ACR: acr, MaxAge: maxAge})
}
