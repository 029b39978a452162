package server

import (
	"sync"
	"time"
)

// limit counts failures by name, in windows of a minute, in this process: for clients whose authentication fails and for
// self-registrations. Accounts have a count of their own in the store (package account).
type limit struct {
	most  int
	mutex sync.Mutex
	began time.Time
	count map[string]int
}

// limitNames bounds how many names are kept; beyond, names that are not kept share one count.
const limitNames = 10_000

func newLimit(most int) *limit { return &limit{most: most, count: map[string]int{}} }

// wait is how long a name must wait; 0 where it need not.
func (l *limit) wait(name string, now time.Time) time.Duration {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.turn(now)
	if l.count[l.kept(name)] < l.most {
		return 0
	}
	return l.began.Add(time.Minute).Sub(now)
}

// failed counts.
func (l *limit) failed(name string, now time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.turn(now)
	l.count[l.kept(name)]++
}

// forgive forgets the failures of a name.
func (l *limit) forgive(name string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.count, name)
}

func (l *limit) turn(now time.Time) {
	if now.Sub(l.began) >= time.Minute {
		l.began = now
		clear(l.count)
	}
}

func (l *limit) kept(name string) string {
	if _, known := l.count[name]; known || len(l.count) < limitNames {
		return name
	}
	return ""
}
