package fhirpath

// tokenKind tells the tokens of http://hl7.org/fhirpath/N1/#tokens apart.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenQuotedName // `name`
	tokenString
	tokenNumber
	tokenLong     // 5L
	tokenDate     // @2024-05
	tokenDateTime // @2024-05-01T10:00
	tokenTime     // @T10:00
	tokenVariable // $this
	tokenSymbol
)

// token is one token; text is the content without quotes and escapes, or the symbol.
type token struct {
	kind tokenKind
	text string
	at   int // offset in the source
	end  int
}

func (t token) is(symbol string) bool { return t.kind == tokenSymbol && t.text == symbol }

func (t token) keyword(word string) bool { return t.kind == tokenName && t.text == word }

// shown is the token as an error message names it.
func (t token) shown() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the expression"
	case tokenString:
		return "the string " + quote(clip(t.text), '\'')
	case tokenQuotedName:
		return "the name " + quote(clip(t.text), '`')
	}
	return "'" + clip(t.text) + "'"
}
