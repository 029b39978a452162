package fhir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"kiln/conformance/terminology"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// Options configure a Service. Store is all that must be given.
type Options struct {
	// Store keeps the resources. Required.
	Store store.Store
	// Parameters are the search parameters. Default: R4's, compiled for BaseURL.
	Parameters *search.Parameters
	// Validator judges resources before they are written. Default: none, everything that is a
	// resource may be written.
	Validator Validator
	// Authorizer decides what the caller in the context may do and see. Default: all.
	Authorizer Authorizer
	// Auditor keeps account of writes. Default: nobody does.
	Auditor Auditor
	// Security tells where callers are authorized. Default: nowhere.
	Security *Security
	// BaseURL is the public address of the interface without a slash at its end, for links and
	// full URLs and to know the server's own resources. Default: http://127.0.0.1:8080/fhir.
	BaseURL string
	// Zone is that of dates and times without an offset in searches and histories. Default: UTC.
	Zone *time.Location
	// Integrity says which references are kept whole. Default: IntegrityDeletes.
	Integrity Integrity
	// Operations are further operations. One of the same name replaces Kiln's own.
	Operations []Operation
	// Limits bound what one request may cost.
	Limits Limits
	// Version is the version of the software in the CapabilityStatement. Default: none.
	Version string
	// SlowSearch is how long a search may take before Logger hears of it; 0 logs none. The line has the
	// names of parameters and the plan, no values.
	SlowSearch time.Duration
	// Logger hears of slow searches and of what goes wrong in the background; it is told nothing of patients.
	// Default: slog.Default().
	Logger *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// NewID makes ids for new resources. Default: random UUIDs.
	NewID func() string
	// Random gives randomness for keys. Default: crypto/rand.
	Random io.Reader
	// AllowScans answers filters by search parameters whose index is not whole yet from the resources
	// themselves. Default: they are refused.
	AllowScans bool
	// Passive leaves work in the background, such as indexing for new search parameters, to a later
	// Service. Default: it is done.
	Passive bool
}

// Limits bound what one request may cost. Zero is the default of each.
type Limits struct {
	// PageSize is how many entries a page has unless _count says otherwise; MaxPageSize is the most
	// it may ask for, more is taken as this. Defaults: 20 and 1,000.
	PageSize, MaxPageSize int
	// Includes is how many resources _include and _revinclude may add to one page. Default: 1,000.
	Includes int
	// Entries is how many entries a batch or transaction may have. Default: 50,000.
	Entries int
	// Deletes is how many resources one conditional delete may remove. Default: 1,000.
	Deletes int
	// Retries is how often a write that lost a race is tried again. Default: 100.
	Retries int
	// Evaluation is the time that $fhirpath may take. Default: 5 s.
	Evaluation time.Duration
}

// Validator judges resources.
type Validator interface {
	// Check is the refusal of a write: an *outcome.Error of stage content, or nil.
	Check(ctx context.Context, resource resources.Element) error
	// Validate lists all that is to be said of a resource, warnings too.
	Validate(ctx context.Context, resource resources.Element) []outcome.Issue
}

// ProfileValidator is a Validator that also knows profiles, for $validate.
type ProfileValidator interface {
	Validator
	ValidateProfile(ctx context.Context, resource resources.Element, profile string) []outcome.Issue
}

// Integrity says which references the service keeps whole:
// https://hl7.org/fhir/R4/http.html#referential-integrity
type Integrity uint8

// The levels of referential integrity.
const (
	// IntegrityDeletes refuses to delete what is referred to.
	IntegrityDeletes Integrity = iota
	// IntegrityOff checks nothing.
	IntegrityOff
	// IntegrityFull also refuses to write a reference to what is not there.
	IntegrityFull
)

// Service answers the interactions. It is safe for concurrent use.
type Service struct {
	options Options
	store   store.Store
	params  *search.Parameters
	pages   *sealer
	// terminology keeps what it composed for all requests; each gives it its own source.
	terminology *terminology.Service
	operations  []Operation
	statement   followed[[]byte]    // the CapabilityStatement
	referring   followed[*sync.Map] // see referringTo
	epoch       epoch
	indexer     *indexer
	follower    follower
}

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	fill(&o.BaseURL, "http://127.0.0.1:8080/fhir")
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	fill(&o.Zone, time.UTC)
	fill(&o.Logger, slog.New(slog.DiscardHandler))
	o.Limits.ensureDefaults()
}

func (l *Limits) ensureDefaults() {
	fill(&l.PageSize, 20)
	fill(&l.MaxPageSize, 1000)
	fill(&l.Includes, 1000)
	fill(&l.Entries, 50_000)
	fill(&l.Deletes, 1000)
	fill(&l.Retries, 100)
	fill(&l.Evaluation, 5*time.Second)
}

func fill[T comparable](option *T, otherwise T) {
	var zero T
	if *option == zero {
		*option = otherwise
	}
}

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	var problems []error
	if o.Store == nil {
		problems = append(problems, errors.New("the service needs a store"))
	}
	if u, err := url.Parse(o.BaseURL); err != nil || !u.IsAbs() || u.Host == "" || strings.HasSuffix(o.BaseURL, "/") {
		problems = append(problems, fmt.Errorf("the base URL is %q; expected one such as https://example.org/fhir, without a slash at its end", o.BaseURL))
	}
	if o.Integrity > IntegrityFull {
		problems = append(problems, fmt.Errorf("the referential integrity is %d; expected off, deletes or full", o.Integrity))
	}
	return errors.Join(problems...)
}

// New makes a Service. The error says which options are wrong.
func New(options Options) (*Service, error) {
	options.EnsureDefaults()
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("fhir options: %w", err)
	}
	if options.Parameters == nil {
		parameters, err := search.NewParameters(search.Options{BaseURL: options.BaseURL, Now: options.Now, Zone: options.Zone})
		if err != nil {
			return nil, fmt.Errorf("search parameters: %w", err)
		}
		options.Parameters = parameters
	}
	s := &Service{options: options, store: options.Store, params: options.Parameters}
	s.pages = &sealer{records: options.Store.Records(recordBucket), queries: options.Store.Records(queryBucket), random: options.Random, now: options.Now}
	s.terminology = terminology.New(terminology.Embedded(), terminology.Limits{})
	s.operations = operationTable(options.Operations)
	s.indexer = &indexer{service: s, bucket: options.Store.Records(indexBucket), passive: options.Passive, logger: options.Logger}
	if err := s.openDefinitions(context.Background()); err != nil {
		return nil, err
	}
	if s.store.Shared() && !options.Passive {
		s.follower.start(s)
	}
	return s, nil
}

// openDefinitions puts the search parameters of the store in use, and takes up the work on their indexes.
func (s *Service) openDefinitions(ctx context.Context) (err error) {
	if s.epoch.seen, err = s.store.Guard(ctx, definitionsGuard); err == nil {
		err = InstallSearchParameters(ctx, s.store, s.params, s.options.Logger)
	}
	if err != nil {
		return fmt.Errorf("reading the search parameters of the store: %w", err)
	}
	if err := s.indexer.resume(ctx); err != nil {
		return fmt.Errorf("reading how far the indexes of the store are: %w", err)
	}
	return nil
}

// BaseURL is the address that links and full URLs begin with.
func (s *Service) BaseURL() string { return s.options.BaseURL }

// Parameters are the search parameters of the service.
func (s *Service) Parameters() *search.Parameters { return s.params }

// now is the clock in the precision of the store.
func (s *Service) now() time.Time { return s.options.Now().UTC().Truncate(time.Millisecond) }
