package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"kiln/auth/access"
	"kiln/auth/account"
	"kiln/auth/federation"
	"kiln/auth/policy"
	"kiln/auth/smart"
	"kiln/fhir"
	"kiln/store"
)

// maxForm bounds what a page or an app sends.
const maxForm = 256 << 10

// Options configure New. People, Records and Issuer are required.
type Options struct {
	// People are the accounts.
	People *account.People
	// Records are the store's, by bucket.
	Records func(bucket string) store.Records
	// Issuer is the public address of the server without a slash at its end, such as https://kiln.example.org; the FHIR
	// base is below it at /fhir.
	Issuer string
	// Site is what pages call the server. Default: Kiln.
	Site string
	// Service is where the records of the hospital are, for choosing patients and for who acts for whom. Required.
	Service *fhir.Service
	// Policy is in force. Required.
	Policy *policy.Current
	// Authorizer keeps the breakings of the glass for review. Required.
	Authorizer *access.Authorizer
	// Shared says that other processes use the same store, so that nothing of tokens is remembered.
	Shared bool
	// AccessTokenLives is how long an access token lives, at most an hour. Default: an hour.
	AccessTokenLives time.Duration
	// ExportAudit writes the audit log as AuditEvents, one a line. Default: it is not exported here.
	ExportAudit func(ctx context.Context, selected AuditSelection, w io.Writer) error
	// Providers are identity providers by which people may sign in. Default: none.
	Providers *federation.Providers
	// SessionLasts is how long a browser keeps the cookie of a session; the session itself may end before. Default: 12
	// hours.
	SessionLasts time.Duration
	// Told hears of sign-ins and other acts of people, for the audit log. Default: nobody.
	Told func(ctx context.Context, name, what string)
	// Logger hears of faults; never of secrets. Default: discard.
	Logger *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Random gives randomness. Default: crypto/rand.
	Random io.Reader
}

// Server is the HTTP edge of the authorization server. It is safe for concurrent use.
type Server struct {
	options  Options
	secure   bool // the issuer is HTTPS
	key      []byte
	passkeys *account.Passkeys
	away     store.Records

	addresses     smart.Addresses
	vault         *vault
	hospital      hospital
	keys          *keyCache
	failures      *limit
	registrations *limit
	known         remembered
	began         time.Time
}

// New is the edge. Errors: what is wrong with the options; those of the store.
func New(ctx context.Context, options Options) (*Server, error) {
	if options.People == nil || options.Records == nil || options.Service == nil || options.Policy == nil || !strings.HasPrefix(options.Issuer, "http") {
		return nil, errors.New("the authorization server needs people, records, a service, a policy and an issuer")
	}
	if options.Site == "" {
		options.Site = "Kiln"
	}
	if options.AccessTokenLives == 0 {
		options.AccessTokenLives = smart.AccessTokenLives
	}
	if options.Providers == nil {
		options.Providers = federation.New(nil, federation.Options{Issuer: options.Issuer})
	}
	if options.SessionLasts == 0 {
		options.SessionLasts = 12 * time.Hour
	}
	if options.Told == nil {
		options.Told = func(context.Context, string, string) {}
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Random == nil {
		options.Random = rand.Reader
	}
	s := &Server{
		options: options, secure: strings.HasPrefix(options.Issuer, "https://"), away: options.Records("auth-away"),
		addresses: smart.Addresses{Issuer: options.Issuer, Base: options.Issuer + "/fhir"}, vault: newVault(options.Records),
		hospital: hospital{options.Service}, keys: newKeyCache(), failures: newLimit(failuresAMinute), registrations: newLimit(registrationsAMinute),
		began: options.Now(),
	}
	var err error
	if s.passkeys, err = options.People.Passkeys(options.Issuer); err != nil {
		return nil, fmt.Errorf("passkeys for %s: %w", options.Issuer, err)
	}
	if s.key, err = s.formKey(ctx); err != nil {
		return nil, fmt.Errorf("the key of forms: %w", err)
	}
	return s, nil
}

// formKey is the key of the forms, the same for all processes of a store. The first makes it.
func (s *Server) formKey(ctx context.Context) ([]byte, error) {
	records := s.options.Records("auth-keys")
	record, err := records.Get(ctx, "forms")
	if !errors.Is(err, store.ErrNotFound) {
		return record.Value, err
	}
	record, err = records.Put(ctx, "forms", s.random(32), time.Time{}, 0)
	var conflict *store.ConflictError
	if errors.As(err, &conflict) {
		record, err = records.Get(ctx, "forms")
	}
	return record.Value, err
}

func (s *Server) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.options.Random, b); err != nil {
		panic("server: there is no randomness: " + err.Error())
	}
	return b
}

// token is a new secret of 256 bits, in letters that need no escaping in any place.
func (s *Server) token() string { return base64.RawURLEncoding.EncodeToString(s.random(32)) }

// Changed says that something ended on which tokens may stand: it is what account.Options.Changed is for.
func (s *Server) Changed() { s.vault.changed() }

func (s *Server) now() time.Time { return s.options.Now().UTC().Truncate(time.Millisecond) }

// hashed is how secrets of 256 random bits are kept.
func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// told tells the audit log what a person did or tried.
func (s *Server) told(ctx context.Context, name, what string) { s.options.Told(ctx, name, what) }
