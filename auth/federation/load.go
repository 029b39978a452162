package federation

import (
	_ "embed"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/xeipuuv/gojsonschema"
	"go.yaml.in/yaml/v3"

	"kiln/auth/account"
	"kiln/auth/setting"
)

//go:embed providers.schema.json
var schemaText string

var schema = sync.OnceValue(func() *gojsonschema.Schema { return setting.Schema(schemaText) })

// file is the file as it is written.
type file struct {
	Providers []entry `yaml:"providers"`
}

type entry struct {
	Name          string                   `yaml:"name"`
	Title         string                   `yaml:"title"`
	Issuer        string                   `yaml:"issuer"`
	ClientID      string                   `yaml:"client-id"`
	SecretFile    string                   `yaml:"client-secret-file"`
	SecretEnv     string                   `yaml:"client-secret-env"`
	Scopes        []string                 `yaml:"scopes"`
	AccountClaim  string                   `yaml:"account-claim"`
	RankClaim     string                   `yaml:"rank-claim"`
	Ranks         rankings                 `yaml:"ranks"`
	FHIRUserClaim string                   `yaml:"fhir-user-claim"`
	FHIRUserBase  string                   `yaml:"fhir-user-base"`
	NewAccounts   *bool                    `yaml:"new-accounts"`
	LinkByName    bool                     `yaml:"link-by-name"`
	EmailDomains  []string                 `yaml:"email-domains"`
	Require       map[string][]string      `yaml:"require"`
	ACR           map[string]account.Level `yaml:"acr"`
	AMR           map[string]account.Level `yaml:"amr"`
	Level         account.Level            `yaml:"level"`
	SignOut       bool                     `yaml:"sign-out"`
}

// rankings keep the order of the lines: providers send groups in any.
type rankings []Ranking

// UnmarshalYAML reads a mapping of values to ranks.
func (r *rankings) UnmarshalYAML(n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		*r = append(*r, Ranking{Value: n.Content[i].Value, Rank: n.Content[i+1].Value})
	}
	return nil
}

// Terms are what a file is held against.
type Terms struct {
	Ranks []string // that the policy has
	// Loopback lets an issuer be an address of this machine without HTTPS.
	Loopback bool
}

// Load reads the identity providers of a file in YAML. Secrets are not in it: it names files or variables of the environment
// that hold them. The error is setting.Problems: all that is wrong, with lines.
func Load(text []byte, terms Terms) ([]Provider, error) {
	d := setting.Read("file of identity providers", text, schema())
	var f file
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	list := make([]Provider, len(f.Providers))
	for i := range f.Providers {
		l := loader{Document: d, terms: terms, at: fmt.Sprintf("providers.%d.", i)}
		if slices.ContainsFunc(list[:i], func(p Provider) bool { return p.Name == f.Providers[i].Name }) {
			l.problem("name", "there is another provider called %q", f.Providers[i].Name)
		}
		list[i] = l.provider(&f.Providers[i])
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return list, nil
}

// loader reads one provider.
type loader struct {
	*setting.Document
	terms Terms
	at    string
}

func (l *loader) problem(member, format string, args ...any) {
	l.Problem(l.at+member, format, args...)
}

func (l *loader) provider(e *entry) Provider {
	l.issuer(e.Issuer)
	l.ranks(e)
	if base := e.FHIRUserBase; base != "" && (e.FHIRUserClaim == "" || !strings.HasSuffix(base, "/")) {
		l.problem("fhir-user-base", "it goes with fhir-user-claim, and ends in a slash")
	}
	return Provider{
		Name: e.Name, Title: e.Title, Issuer: e.Issuer, ClientID: e.ClientID, ClientSecret: l.secret(e), Scopes: e.Scopes,
		AccountClaim: e.AccountClaim, RankClaim: e.RankClaim, Ranks: e.Ranks, FHIRUserClaim: e.FHIRUserClaim, FHIRUserBase: e.FHIRUserBase,
		NoNewAccounts: e.NewAccounts != nil && !*e.NewAccounts, LinkByName: e.LinkByName,
		EmailDomains: e.EmailDomains, Require: e.Require, ACR: e.ACR, AMR: e.AMR, Level: e.Level, SignsOut: e.SignOut,
		secretFile: e.SecretFile,
	}
}

// issuer checks that what the address answers can be believed.
func (l *loader) issuer(address string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		l.problem("issuer", "it must be an address such as https://id.hospital.example, without a query")
	case u.Scheme == "https":
	case u.Scheme != "http" || !onThisMachine(u.Hostname()):
		l.problem("issuer", "it must be an https address")
	case !l.terms.Loopback:
		l.problem("issuer", "an address of this machine without https is for trials, with --insecure; otherwise it must be an https address")
	}
}

// onThisMachine reports whether a host is an address of this machine.
func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (l *loader) ranks(e *entry) {
	if (e.RankClaim == "") != (len(e.Ranks) == 0) {
		l.problem("ranks", "rank-claim and ranks go together")
	}
	if e.NewAccounts != nil && *e.NewAccounts && len(e.Ranks) == 0 {
		l.problem("new-accounts", "a new account needs a rank, and there are no ranks")
	}
	for _, r := range e.Ranks {
		if !slices.Contains(l.terms.Ranks, r.Rank) {
			l.problem("ranks."+r.Value, "the policy has no rank %q; there are %s", r.Rank, strings.Join(l.terms.Ranks, ", "))
		}
	}
}

// settingsBegin is how the variables begin that are settings of kiln serve itself, which knows no others.
const settingsBegin = "KILN_"

// secret reads the client's secret; "" where neither a file nor a variable is named.
func (l *loader) secret(e *entry) (secret string) {
	switch {
	case e.SecretFile != "" && e.SecretEnv != "":
		l.problem("client-secret-env", "either client-secret-file or client-secret-env, not both")
	case strings.HasPrefix(e.SecretEnv, settingsBegin):
		l.problem("client-secret-env", "variables that begin with %s are settings of kiln serve; choose another name", settingsBegin)
	case e.SecretEnv != "":
		if secret = os.Getenv(e.SecretEnv); secret == "" {
			l.problem("client-secret-env", "the environment has no %s", e.SecretEnv)
		}
	case e.SecretFile != "":
		var err error
		if secret, err = readSecret(e.SecretFile); err != nil {
			l.problem("client-secret-file", "%s", err)
		}
	}
	return secret
}

// readSecret reads the secret in a file.
func readSecret(name string) (string, error) {
	text, err := setting.File(name)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || len(secret) > 4096 {
		return "", fmt.Errorf("%s is empty, or longer than 4096 bytes", name)
	}
	return secret, nil
}
