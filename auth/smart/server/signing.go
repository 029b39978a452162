package server

import (
	"time"

	"github.com/gin-gonic/gin"

	"kiln/auth/smart"
)

// signed is the id_token of a grant, by the key that signs now.
func (s *Server) signed(c *gin.Context, g *smart.Grant) (string, error) {
	keys, err := s.signingKeys(c)
	if err != nil {
		return "", err
	}
	return keys.IDToken(g, s.options.Issuer, s.addresses.Base, s.now())
}

// signingKeys are the keys that sign, of which the first process that needs them makes the next.
func (s *Server) signingKeys(c *gin.Context) (*smart.KeySet, error) {
	for {
		keys, revision, err := get[smart.KeySet](c, s.vault.keys, "signing")
		if err != nil {
			return nil, err
		}
		if keys == nil {
			keys = &smart.KeySet{}
		}
		changed, err := keys.Rotate(s.now(), s.options.Random)
		if err != nil || !changed {
			return keys, err
		}
		if err = put(c, s.vault.keys, "signing", keys, time.Time{}, revision); conflicts(err) {
			continue
		}
		return keys, err
	}
}
