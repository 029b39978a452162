package pebble

import (
	"encoding/binary"
	"math"
)

// The first byte of a key tells what it holds; the package comment lists the layout.
const (
	keyMeta       = 'm' // name
	keyCode       = 'd' // kind text
	keyText       = 'D' // kind code
	keyVocabulary = 'z' // number
	keyHead       = 'r' // type id
	keyVersion    = 'v' // document ^version
	keyValues     = 'f' // document ^version
	keyFeed       = 'e' // position
	keyHistory    = 'h' // type position
	keyIndex      = 'i' // type parameter kind body document
	keyLive       = 'n' // type
	keyClaim      = 'c' // claim
	keyGuard      = 'g' // guard
	keyRecord     = 'x' // bucket record
	keyExpiry     = 't' // time bucket record
)

// code stands for a type or parameter name; 0 is none.
type code uint16

// documentSize is the length of the document number at the end of an index key.
const documentSize = 8

func appendCode(b []byte, c code) []byte { return binary.BigEndian.AppendUint16(b, uint16(c)) }

func appendNumber(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(b, n) }

// appendTime keeps the order of signed microseconds or milliseconds.
func appendTime(b []byte, t int64) []byte { return appendNumber(b, uint64(t)^(1<<63)) }

func readTime(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) ^ (1 << 63)) }

func headKey(b []byte, typ code, id string) []byte {
	return appendID(appendCode(append(b, keyHead), typ), id)
}

func versionKey(b []byte, document uint64, version int64) []byte {
	return appendNumber(appendNumber(append(b, keyVersion), document), ^uint64(version))
}

func valuesKey(b []byte, document uint64, version int64) []byte {
	return appendNumber(appendNumber(append(b, keyValues), document), ^uint64(version))
}

func documentKey(b []byte, prefix byte, document uint64) []byte {
	return appendNumber(append(b, prefix), document)
}

// readDocumentKey takes a version or values key apart.
func readDocumentKey(key []byte) (document uint64, version int64, ok bool) {
	if len(key) != 17 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), int64(^binary.BigEndian.Uint64(key[9:])), true
}

func feedKey(b []byte, position uint64) []byte { return appendNumber(append(b, keyFeed), position) }

func historyKey(b []byte, typ code, position uint64) []byte {
	return appendNumber(appendCode(append(b, keyHistory), typ), position)
}

func liveKey(b []byte, typ code) []byte { return appendCode(append(b, keyLive), typ) }

func claimKey(b []byte, claim string) []byte { return append(append(b, keyClaim), claim...) }

func guardKey(b []byte, guard string) []byte { return append(append(b, keyGuard), guard...) }

func bucketKey(b []byte, bucket string) []byte { return appendText(append(b, keyRecord), bucket) }

func recordKey(b []byte, bucket, key string) []byte { return append(bucketKey(b, bucket), key...) }

func expiryKey(b []byte, expires int64, bucket, key string) []byte {
	return append(appendText(appendTime(append(b, keyExpiry), expires), bucket), key...)
}

// indexPrefix begins all index keys of one parameter of one type.
func indexPrefix(b []byte, typ, param code) []byte {
	return appendCode(appendCode(append(b, keyIndex), typ), param)
}

// linksKey is the key of the links of a document.
func linksKey(b []byte, typ code, document uint64) []byte {
	return appendNumber(append(indexPrefix(b, typ, 0), indexLinks), document)
}

// splitIndexKey parts an index key from its document number.
func splitIndexKey(key []byte) (prefix []byte, document uint64) {
	if len(key) < documentSize {
		return nil, 0
	}
	n := len(key) - documentSize
	return key[:n], binary.BigEndian.Uint64(key[n:])
}

// after is the first key that does not begin with prefix; nil if there is none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != math.MaxUint8 {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}
