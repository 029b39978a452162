package server

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/policy"
	"kiln/auth/smart"
	"kiln/store"
)

// SigningKey is a key that signs id_tokens, as administration sees it.
type SigningKey struct {
	ID   string    `json:"kid"`
	From time.Time `json:"from"` // signs from then on, until the next one does
}

func signingKeysOf(set *smart.KeySet) []SigningKey {
	list := []SigningKey{}
	if set != nil {
		for _, k := range set.Keys {
			list = append(list, SigningKey{k.Private.KeyID, k.From})
		}
	}
	return list
}

// SigningKeys are those of a store, the oldest first; none where nobody has signed in yet.
func SigningKeys(ctx context.Context, records func(string) store.Records) ([]SigningKey, error) {
	set, _, err := get[smart.KeySet](ctx, newVault(records).keys, "signing")
	return signingKeysOf(set), err
}

// ReplaceSigningKeys lets a new key sign at once, and takes all others out of what is published: for when one may have been
// seen. id_tokens that they signed cannot be verified any more; access and refresh tokens go on.
func ReplaceSigningKeys(ctx context.Context, records func(string) store.Records, now time.Time) ([]SigningKey, error) {
	return replaceKeys(ctx, newVault(records), now, rand.Reader)
}

func replaceKeys(ctx context.Context, v *vault, now time.Time, random io.Reader) ([]SigningKey, error) {
	for {
		set, revision, err := get[smart.KeySet](ctx, v.keys, "signing")
		if err != nil {
			return nil, err
		}
		if set == nil {
			set = &smart.KeySet{}
		}
		if err := set.Replace(now, random); err != nil {
			return nil, err
		}
		if err = put(ctx, v.keys, "signing", set, time.Time{}, revision); conflicts(err) {
			continue
		}
		return signingKeysOf(set), err
	}
}

func (s *Server) listKeys(c *gin.Context) {
	set, _, err := get[smart.KeySet](c, s.vault.keys, "signing")
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	unkept(c)
	c.JSON(http.StatusOK, signingKeysOf(set))
}

func (s *Server) replaceKeys(c *gin.Context) {
	if err := s.together(c, policy.Keys, "replace the signing keys"); err != nil {
		s.answerAdmin(c, err)
		return
	}
	list, err := replaceKeys(c, s.vault, s.now(), s.options.Random)
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	s.told(c, principal(c).User, "replaced the signing keys")
	unkept(c)
	c.JSON(http.StatusOK, list)
}

// together refuses until as many persons asked for an act as its power takes.
func (s *Server) together(c *gin.Context, power policy.Power, act string) error {
	if s.options.Policy.Policy().Requirement(power).Persons == 1 {
		return nil
	}
	return s.second(c, principal(c), act)
}

// AuditSelection is which events of the audit log are exported; zero times and "" select all.
type AuditSelection struct {
	From, To time.Time
	Patient  string
}

// exportAudit streams the audit log as AuditEvents, one a line.
func (s *Server) exportAudit(c *gin.Context) {
	var selected AuditSelection
	var err error
	for name, to := range map[string]*time.Time{"from": &selected.From, "to": &selected.To} {
		if text := c.Query(name); text != "" {
			if *to, err = time.Parse(time.RFC3339, text); err != nil {
				problem(c, http.StatusUnprocessableEntity, name+" is no moment; expected one such as 2026-01-31T00:00:00Z.")
				return
			}
		}
	}
	selected.Patient = c.Query("patient")
	if len(selected.Patient) > 64 {
		problem(c, http.StatusUnprocessableEntity, "patient is no id.")
		return
	}
	if err := s.together(c, policy.AuditExport, "export the audit log "+c.Request.URL.Query().Encode()); err != nil {
		s.answerAdmin(c, err)
		return
	}
	s.told(c, principal(c).User, "exported the audit log")
	unkept(c)
	c.Header("Content-Type", "application/fhir+ndjson")
	if err := s.options.ExportAudit(c, selected, c.Writer); err != nil && !errors.Is(err, c.Err()) {
		s.options.Logger.ErrorContext(c, "an export of the audit log broke off", "error", err)
		panic(http.ErrAbortHandler) // so that the receiver sees that it is not whole
	}
}
