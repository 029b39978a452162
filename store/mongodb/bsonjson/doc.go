// Package bsonjson turns JSON text into BSON documents and back, without anything in between: no maps,
// no nodes, no memory but that of the result.
//
//	document, fidelity := bsonjson.AppendDocument(nil, text)
//	if fidelity == bsonjson.Exact {
//		same, err := bsonjson.AppendText(nil, document)
//	}
//
// Members keep their order. A number without fraction and exponent is an int32, else an int64, if it fits;
// every other one is a Decimal128, which keeps its digits: 1.10 is 1.10 again, 0.00 is 0.00 and -0.0 is -0.0.
// Strings, booleans, null, arrays and objects are their like.
//
// Text has one spelling of each document, so what is spelled otherwise does not come back the same, and is told
// so: white space between tokens, \/ and \u escapes of what needs none, exponents but those of the
// spelling 1.5E+7, and numbers of more digits than Decimal128 has.
//
// BSON: https://bsonspec.org/spec.html. Decimal128: https://github.com/mongodb/specifications/blob/master/source/bson-decimal128/decimal128.md
package bsonjson

// The types of BSON that are written and read.
const (
	typeString   = 0x02
	typeDocument = 0x03
	typeArray    = 0x04
	typeBoolean  = 0x08
	typeNull     = 0x0a
	typeInt32    = 0x10
	typeInt64    = 0x12
	typeDecimal  = 0x13
)

// MaxDepth is how deep documents and arrays nest. The server takes 100 levels, of which the document around needs
// some: https://www.mongodb.com/docs/manual/reference/limits/#mongodb-limit-Nested-Depth-for-BSON-Documents
const MaxDepth = 96

// MaxText is the longest text that is read, in bytes; a server takes much less.
const MaxText = 1 << 28

// Fidelity is what a document has of its text.
type Fidelity uint8

// The fidelities.
const (
	// Refused: there is no document. The text is no JSON object, is too long or too deep, or has a member name that is
	// empty, has a NUL or a dot, or begins with a dollar sign, which a server would take for a path or
	// an operator.
	Refused Fidelity = iota
	// Nearest: the document has the values of the text, but the text cannot be made of it. Numbers that
	// Decimal128 cannot hold are the nearest ones that it can, infinity among them.
	Nearest
	// Exact: AppendText gives the text.
	Exact
)

func (f Fidelity) String() string { return [...]string{"refused", "nearest", "exact"}[f] }
