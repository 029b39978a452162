package auth_test

import (
	"errors"
	"testing"
	"time"

	"kiln/auth"
	"kiln/resources/outcome"
)

func TestChallenges(t *testing.T) {
	for _, c := range []struct {
		err  *outcome.Error
		want string
	}{
		{auth.NoToken(), `Bearer realm="fhir"`},
		{auth.BadToken(), `Bearer realm="fhir", error="invalid_token"`},
		{
			auth.StepUp([]string{"mfa", "phr"}, 5*time.Minute),
			`Bearer realm="fhir", error="insufficient_user_authentication", acr_values="mfa phr", max_age=300`,
		},
	} {
		var challenge *auth.Challenge
		if !errors.As(c.err, &challenge) || challenge.WWWAuthenticate() != c.want {
			t.Errorf("%v tells %q, want %q", c.err, challenge.WWWAuthenticate(), c.want)
		}
		if said := c.err.Error(); challenge.MaxAge > 0 && said != "This needs a sign-in of the last 5 minutes by a second means (mfa or phr)." {
			t.Errorf("it says %s", said)
		}
		if c.err.Code() != outcome.Login {
			t.Errorf("%v has the code %s", c.err, c.err.Code())
		}
	}
}
