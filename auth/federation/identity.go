package federation

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"kiln/auth/account"
)

// Identity is what a provider says of a person, as far as the file lets it.
type Identity struct {
	Subject  string // as account.SubjectOf makes it
	Name     string // that a new account is called by
	Rank     string // "" where the claim gives none
	FHIRUser string // "" where there is none
	Level    account.Level
	Methods  []string  // https://www.rfc-editor.org/rfc/rfc8176
	At       time.Time // of the sign-in at the provider
}

// Refusal says why a person cannot come in, in a sentence for them.
type Refusal struct {
	Text  string
	cause string // for the log; nothing of the person
}

func (r *Refusal) Error() string {
	if r.cause != "" {
		return r.cause
	}
	return r.Text
}

// Reasons to refuse.
var (
	errDomain    = &Refusal{Text: "Your provider does not vouch for an e-mail address that may sign in here.", cause: "the e-mail address is not verified, or not of the domains of the file"}
	errRequired  = &Refusal{Text: "Your provider does not count you among those who may sign in here.", cause: "a required claim has none of the values of the file"}
	errUnnamed   = &Refusal{Text: "Your provider does not say what you are called here.", cause: "the claim with the name of the account is missing"}
	errElsewhere = &Refusal{Text: "Your provider names you by a record of another server.", cause: "the FHIR user is an address outside of fhir-user-base"}
)

// claims are those of an ID token.
type claims map[string]json.RawMessage

// texts are the values of a claim: a text, a list of texts, or whether something is so. A name with dots also leads into
// objects, such as realm_access.roles.
func (c claims) texts(name string) []string {
	raw, there := c[name]
	if !there {
		outer, inner, nested := strings.Cut(name, ".")
		var within claims
		if !nested || json.Unmarshal(c[outer], &within) != nil {
			return nil
		}
		return within.texts(inner)
	}
	var one string
	var many []string
	var so bool
	switch {
	case json.Unmarshal(raw, &one) == nil && one != "":
		return []string{one}
	case json.Unmarshal(raw, &many) == nil:
		return many
	case string(raw) != "null" && json.Unmarshal(raw, &so) == nil:
		return []string{strconv.FormatBool(so)}
	}
	return nil
}

// text is the value of a claim that has just one.
func (c claims) text(name string) string {
	if list := c.texts(name); len(list) == 1 {
		return list[0]
	}
	return ""
}

// Bounds of what is kept of a sign-in's methods.
const (
	maxMethods = 10
	maxMethod  = 40
)

// asksWithin is how old a sign-in at a provider may be for a new one here. Where a provider does not tell when the person
// signed in there, it is taken to be as old as that.
const asksWithin = 12 * time.Hour

// identity holds claims against what the file says. Errors: *Refusal.
func (p *Provider) identity(subject string, c claims, now time.Time) (*Identity, error) {
	if err := p.admits(c); err != nil {
		return nil, err
	}
	i := &Identity{Subject: account.SubjectOf(p.Issuer, subject), Name: c.text(or(p.AccountClaim, "sub")), Level: p.level(c), At: signedInAt(c, now)}
	if i.Name == "" {
		return nil, errUnnamed
	}
	if p.RankClaim != "" {
		i.Rank = p.rank(c.texts(p.RankClaim))
	}
	for _, method := range c.texts("amr") {
		if len(i.Methods) < maxMethods && len(method) <= maxMethod {
			i.Methods = append(i.Methods, method)
		}
	}
	i.Methods = append(i.Methods, "fed")
	if p.FHIRUserClaim != "" {
		i.FHIRUser = c.text(p.FHIRUserClaim)
		if p.FHIRUserBase != "" {
			i.FHIRUser = strings.TrimPrefix(i.FHIRUser, p.FHIRUserBase)
		}
		if strings.Contains(i.FHIRUser, ":") {
			return nil, errElsewhere
		}
	}
	return i, nil
}

// admits holds a person against the domains and claims of the file.
func (p *Provider) admits(c claims) error {
	// An address that the provider did not verify is anybody's: https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability
	email, verified := c.text("email"), c.text("email_verified") == "true"
	if len(p.EmailDomains) > 0 {
		_, domain, _ := cutLast(email, "@")
		if !verified || !slices.ContainsFunc(p.EmailDomains, func(d string) bool { return strings.EqualFold(d, domain) }) {
			return errDomain
		}
	}
	if p.AccountClaim == "email" && !verified {
		return errDomain
	}
	for name, values := range p.Require {
		if !slices.ContainsFunc(c.texts(name), func(value string) bool { return slices.Contains(values, value) }) {
			return errRequired
		}
	}
	return nil
}

func cutLast(text, at string) (before, after string, found bool) {
	if i := strings.LastIndex(text, at); i >= 0 {
		return text[:i], text[i+len(at):], true
	}
	return text, "", false
}

// ordinary is what counts where the file says nothing: https://www.rfc-editor.org/rfc/rfc8176#section-2
var ordinary = map[string]account.Level{"mfa": account.TwoFactors}

// level is the strongest that acr and amr reach.
func (p *Provider) level(c claims) account.Level {
	level, acr, amr := p.Level, p.ACR, p.AMR
	if level == "" {
		level = account.PasswordOnly
	}
	if acr == nil && amr == nil {
		amr = ordinary
	}
	reach := func(counts map[string]account.Level, values []string) {
		for _, value := range values {
			if reached, known := counts[value]; known && !level.Reaches(reached) {
				level = reached
			}
		}
	}
	reach(acr, c.texts("acr"))
	reach(amr, c.texts("amr"))
	return level
}

// signedInAt is when the person signed in at the provider. auth_time counts whole seconds, so that its last moment is meant.
func signedInAt(c claims, now time.Time) time.Time {
	var seconds float64
	if json.Unmarshal(c["auth_time"], &seconds) != nil || seconds <= 0 || seconds > 1<<40 {
		return now.Add(-asksWithin)
	}
	at := time.Unix(int64(seconds), 0).Add(time.Second - time.Millisecond).UTC()
	if at.After(now) {
		return now
	}
	return at
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
