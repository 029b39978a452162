package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/resources"
	"kiln/search"
	"kiln/store"
	"kiln/store/memory"
	"kiln/store/pebble"
)

const defaultStore = "./kiln-data"

// storeFlag adds --store, which every command that opens a store has.
func storeFlag(cmd *cobra.Command) *string {
	path := os.Getenv("KILN_STORE")
	if path == "" {
		path = defaultStore
	}
	return cmd.Flags().String("store", path, "folder of the embedded store, or memory:")
}

// assembly is what a command needs to use a store.
type assembly struct {
	Store      store.Store
	Parameters *search.Parameters
	Service    *fhir.Service
	Guard      *guard // nil where everybody may everything
}

// Close ends what the service does in the background and closes the store.
func (a *assembly) Close() error {
	var err error
	if a.Guard != nil {
		err = a.Guard.close()
	}
	a.Service.Close()
	return errors.Join(err, a.Store.Close())
}

// plan is how to assemble.
type plan struct {
	Store      string
	BaseURL    string // of the FHIR interface
	Validation string // off or base
	Integrity  string // off, deletes or full
	Zone       *time.Location
	Logger     *slog.Logger
	Now        func() time.Time // clock of the store; the present if nil
	Scans      bool             // what no index serves yet is answered from the resources
	Passive    bool             // nothing is done in the background
	SearchRows int64            // that one search may look at; 0 is the engine's default
	SlowSearch time.Duration    // what is logged; 0 is none
	Mongo      mongoSettings
	// Guard, if not nil, decides who may do and see what; without it everybody may everything.
	Guard func(ctx context.Context, s store.Store, parameters *search.Parameters) (*guard, error)
}

// localPlan is for commands that use a store without serving it.
func localPlan(path string) plan {
	return plan{
		Store: path, BaseURL: "http://127.0.0.1:8080/fhir", Validation: "base", Integrity: "deletes", Zone: time.UTC, Passive: true,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

var integrities = map[string]fhir.Integrity{"off": fhir.IntegrityOff, "deletes": fhir.IntegrityDeletes, "full": fhir.IntegrityFull}

// check says what is wrong with the settings, before anything is opened.
func (p plan) check() error {
	if _, ok := integrities[p.Integrity]; !ok {
		return wrongUsage("--referential-integrity is %q; expected off, deletes or full", p.Integrity)
	}
	switch p.Validation {
	case "off", "base":
	case "profile":
		return wrongUsage("--validation profile is not there yet; off and base are")
	default:
		return wrongUsage("--validation is %q; expected off or base", p.Validation)
	}
	switch {
	case strings.Contains(p.Store, "://") && !remote(p.Store):
		return wrongUsage("--store %s: expected a folder, memory:, or a URL that begins with mongodb:// or mongodb+srv://", shown(p.Store))
	case p.Store == "":
		return wrongUsage("--store is empty; expected a folder, memory:, or a mongodb:// URL")
	}
	return nil
}

// assemble opens the store and builds the service over it.
func (p plan) assemble(ctx context.Context) (*assembly, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	parameters, err := p.parameters()
	if err != nil {
		return nil, err
	}
	var service *fhir.Service
	validator, err := p.validator(func(ctx context.Context, typ, canonical string) (resources.Element, bool) {
		return service.Definition(ctx, typ, canonical)
	})
	if err != nil {
		return nil, err
	}
	s, err := p.open(ctx, parameters)
	if err != nil {
		return nil, err
	}
	options := fhir.Options{
		Store: s, Parameters: parameters, Validator: validator, BaseURL: p.BaseURL, Integrity: integrities[p.Integrity], Version: version(),
		AllowScans: p.Scans, Passive: p.Passive, SlowSearch: p.SlowSearch, Logger: p.Logger,
	}
	a := &assembly{Store: s, Parameters: parameters}
	if p.Guard != nil {
		if a.Guard, err = p.Guard(ctx, s, parameters); err == nil {
			a.Guard.watch(&options)
		}
	}
	if err == nil {
		service, err = fhir.New(options)
	}
	if err == nil && a.Guard != nil {
		err = a.Guard.serve(ctx, service)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	a.Service = service
	return a, nil
}

func (p plan) parameters() (*search.Parameters, error) {
	return search.NewParameters(search.Options{
		BaseURL: p.BaseURL, Zone: p.Zone,
		Report: func(parameter *search.Parameter, err error) {
			p.Logger.Warn("a search parameter could not be evaluated on a resource", slog.String("parameter", parameter.Code), slog.Any("error", err))
		},
	})
}

// definition finds what answers and reports are judged against.
type definition func(ctx context.Context, typ, canonical string) (resources.Element, bool)

// validator is nil for off; a nil *validation.Validator in the interface would not be.
func (p plan) validator(find definition) (fhir.Validator, error) {
	if p.Validation == "off" {
		return nil, nil
	}
	return validation.New(validation.Options{Definition: find})
}

func (p plan) open(ctx context.Context, parameters *search.Parameters) (store.Store, error) {
	if p.Store == "memory:" {
		return memory.New(memory.Options{Parameters: parameters, Now: p.Now}), nil
	}
	if remote(p.Store) {
		return p.openMongoDB(ctx, parameters)
	}
	return openPebble(p.Store, pebble.Options{Parameters: parameters, Logger: p.Logger, SearchRows: p.SearchRows, Now: p.Now})
}

func openPebble(path string, options pebble.Options) (*pebble.Store, error) {
	s, err := pebble.Open(path, options)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, err)
	}
	return s, nil
}

// embedded reports a store that is no folder to a command that works on folders only.
func embedded(path string) error {
	if path == "memory:" || strings.Contains(path, "://") {
		return wrongUsage("--store %s: this command works on the folder of an embedded store", shown(path))
	}
	return nil
}

// openEmbedded opens a store that commands look into by itself, without a service; former tells that it
// may have the format before, to be repaired.
func openEmbedded(path string, former bool) (*pebble.Store, *search.Parameters, error) {
	if err := embedded(path); err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, nil, wrongUsage("--store: there is no folder %s", path)
	}
	local := localPlan(path)
	parameters, err := local.parameters()
	if err != nil {
		return nil, nil, err
	}
	s, err := openPebble(path, pebble.Options{Parameters: parameters, Logger: local.Logger, Former: former})
	if err != nil {
		return nil, nil, err
	}
	return s, parameters, nil
}

// useDefinitions puts the search parameters that the resources of the store define in use.
func useDefinitions(ctx context.Context, s store.Store, parameters *search.Parameters) error {
	if err := fhir.InstallSearchParameters(ctx, s, parameters, localPlan("").Logger); err != nil {
		return fmt.Errorf("reading the search parameters of the store: %w", err)
	}
	return nil
}
