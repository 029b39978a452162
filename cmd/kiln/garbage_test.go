package main

import (
	"runtime/debug"
	"testing"
)

// burst is what a request needs for a while.
var burst []byte

// TestGiveBack: what a burst leaves behind is given back, what is in use stays and is not tried again.
func TestGiveBack(t *testing.T) {
	debug.FreeOSMemory() // what other tests left behind
	before := held()
	if enough := giveBack(servedMemory); enough != servedMemory && before < servedMemory/2 {
		t.Errorf("with %d bytes held, enough is %d", before, enough)
	}
	burst = make([]byte, 2*servedMemory)
	for i := 0; i < len(burst); i += 4096 {
		burst[i] = 1
	}
	enough := giveBack(servedMemory)
	if enough < uint64(len(burst)) {
		t.Errorf("with %d bytes in use, enough is %d", len(burst), enough)
	}
	if again := giveBack(enough); again >= enough {
		t.Errorf("with less than enough held, enough stays %d", again)
	}
	burst = nil
	giveBack(servedMemory)
	if after := held(); after > before+servedMemory {
		t.Errorf("after the burst %d bytes are held, before it were %d", after, before)
	}
}
