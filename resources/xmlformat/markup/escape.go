package markup

// attributeEscapes and textEscapes hold what a character becomes; characters without an entry
// stand for themselves. White space in attributes is escaped because it would be read as spaces.
var (
	attributeEscapes = [256]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\n': "&#10;", '\r': "&#13;", '\t': "&#9;"}
	textEscapes      = [256]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '\r': "&#13;"}
)

// AppendAttribute appends s as it stands between the double quotes of an attribute. s must not
// hold a Forbidden character.
func AppendAttribute(b []byte, s string) []byte { return escape(b, s, &attributeEscapes) }

// AppendText appends s as character data. s must not hold a Forbidden character.
func AppendText(b []byte, s string) []byte { return escape(b, s, &textEscapes) }

func escape(b []byte, s string, table *[256]string) []byte {
	from := 0
	for i := range len(s) {
		if to := table[s[i]]; to != "" {
			b = append(append(b, s[from:i]...), to...)
			from = i + 1
		}
	}
	return append(b, s[from:]...)
}
