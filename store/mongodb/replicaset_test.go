package mongodb

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// replicaSet is as much of a replica set, in the process of the test, as it takes to see what Kiln says to one: it
// has transactions with snapshots, of which the first to write a document wins, keeps a record of the commands, and
// fails when it is told to. It has no indexes, and only the operators that the tests need.
// The protocol: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
type replicaSet struct {
	testing.TB
	listener net.Listener

	mu           sync.Mutex
	ended        *sync.Cond // a transaction has
	data         tables
	transactions map[string]*unit // open ones, by session
	decided      map[string]int64 // sessions, with the transaction committed last
	said         []said
	created      map[string]bool // collections, by commands
	others       []string        // other members
	down         int             // how many connections are closed as they come
	clock        uint32          // of the operations
	fail         func(s said) *failure
	build        func(collection string) // before its indexes are made
}

// said is a command that came, without those of the driver's own housekeeping.
type said struct {
	name string
	body bson.Raw
}

// failure is the answer to a command that fails.
type failure struct {
	code   int32
	labels []string
	done   bool // it is done all the same
	hangUp bool // instead of an answer
}

func startReplicaSet(t testing.TB) *replicaSet {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		t.Fatal(err)
	}
	r := &replicaSet{TB: t, listener: listener, data: tables{}, transactions: map[string]*unit{}, decided: map[string]int64{}, created: map[string]bool{}}
	r.ended = sync.NewCond(&r.mu)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			down := r.down > 0
			if down {
				r.down--
			}
			r.mu.Unlock()
			if down {
				_ = c.Close()
				continue
			}
			go r.serve(c)
		}
	}()
	return r
}

func (r *replicaSet) url() string {
	return "mongodb://" + r.listener.Addr().String() + "/kiln?replicaSet=rs0"
}

// failing sets what fails from now on.
func (r *replicaSet) failing(fail func(said) *failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = fail
}

// building sets what is done from now on before the indexes of a collection are made.
func (r *replicaSet) building(build func(collection string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.build = build
}

// take gives what was said, and forgets it.
func (r *replicaSet) take() []said {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.said
	r.said = nil
	return list
}

const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

func (r *replicaSet) serve(c net.Conn) {
	defer c.Close()
	for {
		var header [16]byte
		if _, err := io.ReadFull(c, header[:]); err != nil {
			return
		}
		rest := make([]byte, binary.LittleEndian.Uint32(header[:])-16)
		if _, err := io.ReadFull(c, rest); err != nil {
			return
		}
		kind, asked := binary.LittleEndian.Uint32(header[12:]), header[4:8]
		answer := r.answer(command(kind, rest))
		if answer == nil {
			return
		}
		body, err := bson.Marshal(answer)
		if err != nil {
			r.Error(err)
			return
		}
		if _, err := c.Write(reply(kind, asked, body)); err != nil {
			return
		}
	}
}

// command reads one, with its lists that come apart from it.
func command(kind uint32, b []byte) bson.D {
	if kind == opQuery {
		b = b[4+slices.Index(b[4:], 0)+1+8:]
		return document2D(b)
	}
	var body bson.D
	for b = b[4:]; len(b) > 0; {
		size := binary.LittleEndian.Uint32(b[1:])
		section := b[1 : 1+size]
		if b[0] == 0 {
			body = append(document2D(section), body...)
		} else {
			end := slices.Index(section[4:], 0) + 4
			list := bson.A{}
			for at := section[end+1:]; len(at) > 0; at = at[binary.LittleEndian.Uint32(at):] {
				list = append(list, document2D(at))
			}
			body = append(body, bson.E{Key: string(section[4:end]), Value: list})
		}
		b = b[1+size:]
	}
	return body
}

func document2D(b []byte) (d bson.D) {
	if err := bson.Unmarshal(b[:binary.LittleEndian.Uint32(b)], &d); err != nil {
		panic(err)
	}
	return d
}

func reply(kind uint32, asked, body []byte) []byte {
	b := append(make([]byte, 8), asked...)
	if kind == opQuery {
		b = binary.LittleEndian.AppendUint32(b, opReply)
		b = append(b, make([]byte, 16)...)
		b = binary.LittleEndian.AppendUint32(b, 1)
	} else {
		b = binary.LittleEndian.AppendUint32(b, opMsg)
		b = append(b, 0, 0, 0, 0, 0)
	}
	b = append(b, body...)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	return b
}
