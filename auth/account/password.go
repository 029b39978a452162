package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// cost is what one hash takes: the second choice of
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id, 19 MiB.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

var defaultCost = cost{memory: 19 << 10, passes: 2, threads: 1}

const (
	saltSize = 16
	hashSize = 32
	// hashesAtOnce bounds the memory that people who try passwords can take.
	hashesAtOnce = 4
	// maxCost bounds what a stored hash may ask for, should somebody write one.
	maxCost = 256 << 10
)

var hashing = make(chan struct{}, hashesAtOnce)

// Passwords are long rather than colourful: https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver.
const (
	minPassword = 10
	maxPassword = 256
)

// checkPassword tells what is wrong with a new password.
func checkPassword(name, password string) []string {
	var wrong []string
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		wrong = append(wrong, fmt.Sprintf("a password must have %d to %d characters", minPassword, maxPassword))
	}
	if !utf8.ValidString(password) {
		wrong = append(wrong, "a password must be text in UTF-8")
	}
	if name != "" && strings.EqualFold(name, password) {
		wrong = append(wrong, "the password is the name")
	}
	if n := distinct(password); n < 4 {
		wrong = append(wrong, "the password is made of fewer than 4 different characters")
	}
	return wrong
}

func distinct(text string) int {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen)
}

// prepared is a password as it is hashed: however the keyboard composes accents, it is the same.
func prepared(password string) []byte { return []byte(norm.NFC.String(password)) }

// hashPassword gives the PHC string of a password: https://github.com/P-H-C/phc-string-format.
func hashPassword(password string, c cost) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails: https://pkg.go.dev/crypto/rand#Read
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(derive(password, salt, c)))
}

func derive(password string, salt []byte, c cost) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2.IDKey(prepared(password), salt, c.passes, c.memory, c.threads, hashSize)
}

// matchesPassword compares in constant time. A hash that cannot be read matches nothing, after as much work.
func matchesPassword(hash, password string) bool {
	if len(password) > 4*maxPassword {
		password = "" // longer than any password can be
	}
	c, salt, want, ok := readHash(hash)
	if !ok {
		c, salt, want = defaultCost, make([]byte, saltSize), make([]byte, hashSize)
	}
	return subtle.ConstantTimeCompare(derive(password, salt, c), want) == 1 && ok
}

func readHash(hash string) (c cost, salt, sum []byte, ok bool) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, false
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); n != 3 || err != nil {
		return c, nil, nil, false
	}
	if c.memory == 0 || c.memory > maxCost || c.passes == 0 || c.passes > 10 || c.threads == 0 {
		return c, nil, nil, false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return c, nil, nil, false
	}
	sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	return c, salt, sum, err == nil && len(sum) == hashSize
}

// HashSecret keeps a secret that somebody chose, as passwords are kept; MatchesSecret compares with one. They are for secrets
// of apps.
func HashSecret(secret string) string { return hashPassword(secret, defaultCost) }

// MatchesSecret reports whether a hash of HashSecret is that of a secret.
func MatchesSecret(hash, secret string) bool { return matchesPassword(hash, secret) }
