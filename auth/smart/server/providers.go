package server

import (
	_ "embed"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/xeipuuv/gojsonschema"

	"kiln/auth/account"
	"kiln/auth/setting"
)

//go:embed providers.schema.json
var providersSchema string

var providers = sync.OnceValue(func() *gojsonschema.Schema { return setting.Schema(providersSchema) })

// providersFile is the file as it is written.
type providersFile struct {
	Providers []struct {
		Name          string            `yaml:"name"`
		Title         string            `yaml:"title"`
		Issuer        string            `yaml:"issuer"`
		ClientID      string            `yaml:"client-id"`
		SecretFile    string            `yaml:"client-secret-file"`
		SecretEnv     string            `yaml:"client-secret-env"`
		Scopes        []string          `yaml:"scopes"`
		AccountClaim  string            `yaml:"account-claim"`
		RankClaim     string            `yaml:"rank-claim"`
		Ranks         map[string]string `yaml:"ranks"`
		FHIRUserClaim string            `yaml:"fhir-user-claim"`
		Level         string            `yaml:"level"`
	} `yaml:"providers"`
}

var providerLevels = map[string]account.Level{"": "", "pwd": account.PasswordOnly, "mfa": account.TwoFactors}

// ReadFederations reads the identity providers of a file in YAML. Secrets are not in it: it names files or variables of the
// environment that hold them. Ranks are those of the policy. The error is setting.Problems: all that is wrong, with lines.
func ReadFederations(text []byte, ranks []string) ([]Federation, error) {
	d := setting.Read("file of identity providers", text, providers())
	var file providersFile
	if err := d.Decode(&file); err != nil {
		return nil, err
	}
	var list []Federation
	for i, p := range file.Providers {
		at := func(member string) string { return fmt.Sprintf("providers.%d.%s", i, member) }
		if slices.ContainsFunc(list, func(f Federation) bool { return f.Name == p.Name }) {
			d.Problem(at("name"), "there is another provider called %q", p.Name)
		}
		if !trustworthy(p.Issuer) {
			d.Problem(at("issuer"), "it must be an https address without a query, or an http address of this very machine")
		}
		if (p.RankClaim == "") != (len(p.Ranks) == 0) {
			d.Problem(at("ranks"), "rank-claim and ranks go together")
		}
		for value, rank := range p.Ranks {
			if !slices.Contains(ranks, rank) {
				d.Problem(at("ranks."+value), "the policy has no rank %q; there are %s", rank, strings.Join(ranks, ", "))
			}
		}
		secret, err := providerSecret(p.SecretFile, p.SecretEnv)
		if err != nil {
			d.Problem(at("client-secret-file"), "%s", err)
		}
		list = append(list, Federation{
			Name: p.Name, Title: p.Title, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: secret, Scopes: p.Scopes,
			UserClaim: p.AccountClaim, RankClaim: p.RankClaim, Ranks: p.Ranks, FHIRUserClaim: p.FHIRUserClaim, Level: providerLevels[p.Level],
		})
	}
	return list, d.Err()
}

// trustworthy reports whether what an address answers can be believed.
func trustworthy(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return false
	}
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1")
}

// providerSecret reads a secret from a file or the environment; "" where neither is named, for a provider that takes PKCE
// alone.
func providerSecret(file, variable string) (string, error) {
	switch {
	case file != "" && variable != "":
		return "", fmt.Errorf("either client-secret-file or client-secret-env, not both")
	case variable != "":
		secret := os.Getenv(variable)
		if secret == "" {
			return "", fmt.Errorf("the environment has no %s", variable)
		}
		return secret, nil
	case file == "":
		return "", nil
	}
	text, err := setting.File(file)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || len(secret) > 4096 {
		return "", fmt.Errorf("%s is empty, or longer than 4096 bytes", file)
	}
	return secret, nil
}
