package rest

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxRequestID bounds what is accepted of a client's X-Request-Id.
const maxRequestID = 128

// requestIDs makes ids that are unique among processes and cost next to nothing: a random text
// for the process and a counter.
type requestIDs struct {
	prefix string
	count  atomic.Uint64
}

func newRequestIDs() *requestIDs {
	return &requestIDs{prefix: strings.ToLower(rand.Text()[:10]) + "-"}
}

func (r *requestIDs) next() string {
	b := make([]byte, 0, 24)
	return string(strconv.AppendUint(append(b, r.prefix...), r.count.Add(1), 36))
}

// accepted reports whether a client's id is echoed: letters, digits and -._~:/+=@ only, so that
// it cannot forge a header or a line of the log.
func acceptedRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~:/+=@", c) >= 0) {
			return false
		}
	}
	return true
}
