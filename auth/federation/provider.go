package federation

import (
	"strings"

	"kiln/auth/account"
)

// Provider is an OpenID provider by which people sign in.
type Provider struct {
	Name         string // in addresses, such as hospital
	Title        string // on the button
	Issuer       string
	ClientID     string
	ClientSecret string   // "" where the provider takes PKCE alone
	Scopes       []string // besides openid and profile
	// AccountClaim names the claim that a new account is called by; default: sub. Whom an account belongs to is told by
	// issuer and sub alone.
	AccountClaim string
	// RankClaim names the claim, a text or a list of texts, that gives the rank: the first of Ranks whose value is in it.
	RankClaim string
	Ranks     []Ranking
	// FHIRUserClaim names the claim with the person as a resource, such as Practitioner/1; "" for none. FHIRUserBase is what
	// goes before it in that claim.
	FHIRUserClaim, FHIRUserBase string
	// NoNewAccounts leaves out those whom nobody linked to an account.
	NoNewAccounts bool
	// LinkByName links an account that has no means of signing in of its own at the first sign-in under its name.
	LinkByName bool
	// EmailDomains are those of which a person's e-mail address must be, if there are any; the provider must have verified it.
	EmailDomains []string
	// Require are claims of which a person must have one of the values, such as the tenant.
	Require map[string][]string
	// ACR and AMR say which values of those claims count as which level, the strongest of all; Level is what any sign-in
	// there counts at least. Defaults: mfa in amr is mfa; pwd.
	ACR, AMR map[string]account.Level
	Level    account.Level
	// SignsOut ends the session at the provider too when a person signs out here.
	SignsOut bool

	secretFile string // that ClientSecret was read from, if any
}

// loopback reports whether the issuer is on this machine, without HTTPS; at other addresses nobody answers without.
func (p *Provider) loopback() bool { return strings.HasPrefix(p.Issuer, "http://") }

// Ranking says which rank a value of a claim gives.
type Ranking struct{ Value, Rank string }

// rank is what a claim's values give; "" where none of them is known.
func (p *Provider) rank(values []string) string {
	for _, r := range p.Ranks {
		for _, value := range values {
			if value == r.Value {
				return r.Rank
			}
		}
	}
	return ""
}
