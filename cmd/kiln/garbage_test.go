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

// TestCollectSeldom: a server lets more garbage gather than Go would, unless the environment decides.
func TestCollectSeldom(t *testing.T) {
	const before = 100
	restore := debug.SetGCPercent(before)
	t.Cleanup(func() { debug.SetGCPercent(restore) })
	for environment, want := range map[string]int{"": servedPercent, "50": before} {
		t.Setenv("GOGC", environment)
		debug.SetGCPercent(before)
		collectSeldom()
		if got := debug.SetGCPercent(before); got != want {
			t.Errorf("with GOGC=%q the percentage is %d, expected %d", environment, got, want)
		}
	}
}
