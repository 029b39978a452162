package fhir

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// Paging links are opaque: [type]?_page=… holds the query and the place in its results, sealed
// (AES-GCM) with a key that all processes on one store share, bound to the address and the caller.
// Values of a search do not show in them, and nobody can make one. A link carries no authority:
// every page is authorized anew.
const (
	pageParameter = "_page"
	recordBucket  = "fhir"
	queryBucket   = "fhir-queries"
	pageKey       = "paging-key"
	longQuery     = 4 << 10 // a longer query is left with the server
	queryLife     = 24 * time.Hour
)

// place is what a paging link holds.
type place struct {
	query  string
	cursor store.Cursor
	before int // matches on the pages before it; told where _maxresults bounds them
}

// The first byte of what a link seals tells its form.
const (
	queryInside byte = 2 + iota // the link holds the query
	queryStored                 // the link holds the key of the query among the records
)

// sealer makes and opens paging links.
type sealer struct {
	records, queries store.Records
	random           io.Reader
	now              func() time.Time

	mutex sync.Mutex
	key   cipher.AEAD
}

// seal makes the token of a place. The binding must be given again to open it.
func (x *sealer) seal(ctx context.Context, p place, binding string) (string, error) {
	key, err := x.open(ctx)
	if err != nil {
		return "", err
	}
	text := []byte{queryInside}
	query := []byte(p.query)
	if len(query) > longQuery {
		sum := sha256.Sum256(query)
		if _, err := x.queries.Put(ctx, string(sum[:]), query, x.now().Add(queryLife), store.AnyRevision); err != nil {
			return "", err
		}
		text[0], query = queryStored, sum[:]
	}
	text = binary.AppendUvarint(text, uint64(p.before))
	text = binary.AppendUvarint(text, uint64(len(query)))
	text = append(append(text, query...), p.cursor...)
	nonce := make([]byte, key.NonceSize(), key.NonceSize()+len(text)+key.Overhead())
	if _, err := io.ReadFull(x.random, nonce); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(key.Seal(nonce, nonce, text, []byte(binding))), nil
}

// unseal opens a token. The error (400) says that it is not one of this address and caller.
func (x *sealer) unseal(ctx context.Context, token, binding string) (place, error) {
	key, err := x.open(ctx)
	if err != nil {
		return place{}, err
	}
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(sealed) < key.NonceSize() {
		return place{}, badPage()
	}
	text, err := key.Open(nil, sealed[:key.NonceSize()], sealed[key.NonceSize():], []byte(binding))
	if err != nil || len(text) == 0 || text[0] < queryInside || text[0] > queryStored {
		return place{}, badPage()
	}
	before, rest, ok := cutUvarint(text[1:])
	length, rest, isLength := cutUvarint(rest)
	if !ok || !isLength || before > search.MaxResults || length > uint64(len(rest)) {
		return place{}, badPage()
	}
	p := place{query: string(rest[:length]), cursor: store.Cursor(rest[length:]), before: int(before)}
	if text[0] == queryStored {
		record, err := x.queries.Get(ctx, p.query)
		if errors.Is(err, store.ErrNotFound) {
			return place{}, outcome.New(outcome.Expired, "The paging link has expired; search again from the first page.").In(outcome.StageSyntax)
		}
		if err != nil {
			return place{}, err
		}
		p.query = string(record.Value)
	}
	return p, nil
}

func cutUvarint(text []byte) (value uint64, rest []byte, ok bool) {
	value, n := binary.Uvarint(text)
	return value, text[max(n, 0):], n > 0
}

func badPage() *outcome.Error {
	return invalid("The value of %s is not a paging link of this search that was given to you; search again from the first page.", pageParameter)
}

// open gives the key, making it where the store has none yet.
func (x *sealer) open(ctx context.Context) (cipher.AEAD, error) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	if x.key != nil {
		return x.key, nil
	}
	record, err := x.records.Get(ctx, pageKey)
	if errors.Is(err, store.ErrNotFound) {
		record, err = x.make(ctx)
	}
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(record.Value)
	if err != nil {
		return nil, err
	}
	x.key, err = cipher.NewGCM(block)
	return x.key, err
}

// make writes a new key, unless another process was faster: then that one's counts.
func (x *sealer) make(ctx context.Context) (store.Record, error) {
	key := make([]byte, 32)
	if _, err := io.ReadFull(x.random, key); err != nil {
		return store.Record{}, err
	}
	record, err := x.records.Put(ctx, pageKey, key, time.Time{}, 0)
	var conflict *store.ConflictError
	if errors.As(err, &conflict) {
		return x.records.Get(ctx, pageKey)
	}
	return record, err
}

// paged is a request that may be for a later page.
type paged struct {
	path         string // below the base
	binding      string
	presentation string
	query        []search.NameValue
	cursor       store.Cursor
	before       int // matches on the pages before, see place
	token        string
}

// turn leads from a page to another.
type turn struct {
	relation string
	cursor   store.Cursor // nil leads nowhere
	before   int
}

// readPage reads a query string, or what the paging link in it stands for.
func (s *Service) readPage(ctx context.Context, kind, path, raw, presentation string) (*paged, error) {
	p := &paged{path: path, binding: kind + "\x00" + path + "\x00" + s.caller(ctx), presentation: presentation}
	given, err := search.ReadQueryString(raw)
	if err != nil {
		return nil, err
	}
	for _, pair := range given {
		switch {
		case pair.Name != pageParameter:
			p.query = append(p.query, pair)
		case pair.Value == "" || p.token != "":
			return nil, badPage()
		default:
			p.token = pair.Value
		}
	}
	if p.token == "" {
		return p, nil
	}
	place, err := s.pages.unseal(ctx, p.token, p.binding)
	if err != nil {
		return nil, err
	}
	if len(p.query) > 0 && encodeQuery(p.query) != place.query {
		return nil, invalid("The parameter %s stands alone: the paging link holds the whole search.", pageParameter)
	}
	p.cursor, p.before = place.cursor, place.before
	p.query, err = search.ReadQueryString(place.query)
	return p, err
}

// links makes the links of a page: https://hl7.org/fhir/R4/http.html#paging
func (s *Service) links(ctx context.Context, p *paged, applied string, turns ...turn) ([]Link, error) {
	self := applied
	if p.token != "" {
		self = join(applied, pageParameter+"="+p.token)
	}
	links := []Link{{"self", s.link(p, self)}}
	if p.token != "" || slices.ContainsFunc(turns, func(t turn) bool { return t.cursor != nil }) {
		links = append(links, Link{"first", s.link(p, applied)})
	}
	for _, to := range turns {
		if to.cursor == nil {
			continue
		}
		token, err := s.pages.seal(ctx, place{applied, to.cursor, to.before}, p.binding)
		if err != nil {
			return nil, err
		}
		links = append(links, Link{to.relation, s.link(p, pageParameter+"="+token)})
	}
	return links, nil
}

func (s *Service) link(p *paged, query string) string {
	url := s.options.BaseURL
	if p.path != "" {
		url += "/" + p.path
	}
	if query = join(query, p.presentation); query != "" {
		url += "?" + query
	}
	return url
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

// encodeQuery writes names and values as a query string that stays readable: what may stand in a
// query unescaped does.
func encodeQuery(pairs []search.NameValue) string {
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		writeEscaped(&b, p.Name)
		b.WriteByte('=')
		writeEscaped(&b, p.Value)
	}
	return b.String()
}

// plain marks the bytes that stand for themselves in the value of a parameter: those that
// https://www.rfc-editor.org/rfc/rfc3986#section-2.3 reserves for nothing, and what values of FHIR are full of.
var plain = func() (set [256]bool) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, c := range []byte(letters + "0123456789" + "-._~" + ":,/$*") {
		set[c] = true
	}
	return set
}()

func writeEscaped(b *strings.Builder, s string) {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case plain[c]:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
}
