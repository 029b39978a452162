package account

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
)

// Account is a person who may sign in.
type Account struct {
	Name     string `json:"name"`               // as typed at the sign-in, folded to small letters
	Title    string `json:"title,omitempty"`    // how pages call the person; "" for the name
	Rank     string `json:"rank"`               // a rank of the policy
	FHIRUser string `json:"fhirUser,omitempty"` // Practitioner/…, Patient/…, RelatedPerson/… or Person/…
	Disabled bool   `json:"disabled,omitempty"`
	// Epoch grows when all sessions and tokens of the account must end: with a new password, rank or means, and
	// when it is disabled.
	Epoch    uint64                `json:"epoch"`
	Created  time.Time             `json:"created"`
	Password string                `json:"password,omitempty"` // argon2id, in the PHC string format; "" for none
	Code     *Code                 `json:"code,omitempty"`     // one-time codes, once confirmed
	Passkeys []webauthn.Credential `json:"passkeys,omitempty"`
	Handle   []byte                `json:"handle,omitempty"`   // names the account to authenticators: random, for it tells nothing
	Recovery []string              `json:"recovery,omitempty"` // hashes of codes, each of use once instead of a one-time code
	Subject  string                `json:"subject,omitempty"`  // issuer and subject at the identity provider that vouches for the person
	// Provided says that the identity provider made the account, and that the rank follows what it says.
	Provided bool `json:"provided,omitempty"`
}

// Called is how pages call the person.
func (a *Account) Called() string {
	if a.Title != "" {
		return a.Title
	}
	return a.Name
}

// Level is how strongly somebody proved who they are, as the acr claim tells it.
type Level string

// The levels, from the weakest. PhishingResistant is that of
// https://openid.net/specs/openid-provider-authentication-policy-extension-1_0.html as registered for acr.
const (
	PasswordOnly      Level = "pwd"
	TwoFactors        Level = "mfa"
	PhishingResistant Level = "phr"
)

var levels = []Level{PasswordOnly, TwoFactors, PhishingResistant}

// Reaches reports whether l is as strong as wanted. An unknown level is below all, and nothing reaches it.
func (l Level) Reaches(wanted Level) bool {
	return slices.Contains(levels, wanted) && slices.Index(levels, l) >= slices.Index(levels, wanted)
}

// Levels are all levels, from the weakest.
func Levels() []Level { return slices.Clone(levels) }

// Reach is the strongest level that the account has means for.
func (a *Account) Reach() Level {
	switch {
	case len(a.Passkeys) > 0:
		return PhishingResistant
	case a.Code != nil:
		return TwoFactors
	}
	return PasswordOnly
}

// nameForm keeps names to what everybody can type and tell apart.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,63}$`)

var fhirUserForm = regexp.MustCompile(`^(Practitioner|PractitionerRole|Patient|RelatedPerson|Person)/[A-Za-z0-9.-]{1,64}$`)

// fold is the name as it is kept and compared.
func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// check tells all that is wrong with an account, each as a sentence.
func (a *Account) check() []string {
	var wrong []string
	if !nameForm.MatchString(a.Name) {
		wrong = append(wrong, "the name must begin with a letter or digit and have at most 64 letters, digits and . _ @ + -")
	}
	if a.Rank == "" {
		wrong = append(wrong, "there is no rank")
	}
	if a.FHIRUser != "" && !fhirUserForm.MatchString(a.FHIRUser) {
		wrong = append(wrong, "the FHIR user must be Practitioner/ID, Patient/ID, RelatedPerson/ID or Person/ID")
	}
	if len(a.Title) > 200 {
		wrong = append(wrong, "the title is longer than 200 bytes")
	}
	return wrong
}
