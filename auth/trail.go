package auth

import (
	"context"
	"slices"
	"sync"
)

// Trail is what one request disclosed, for the audit log: whose records, and which resources of them. It is filled in as
// resources leave, by several goroutines where the entries of a batch are done at the same time.
type Trail struct {
	mutex    sync.Mutex
	patients []string            // in the order in which they were disclosed, each once
	of       map[string][]string // resources by patient; at most trailResources of each
	nobodys  []string            // resources that are no patient's
}

// trailResources is how many resources of one patient are named; of more the event tells the query alone.
const trailResources = 1

// Disclose notes that a resource, as Type/id, left, and whose record it is.
func (t *Trail) Disclose(resource string, patients []string) {
	if t == nil {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(patients) == 0 && len(t.nobodys) <= trailResources {
		t.nobodys = append(t.nobodys, resource)
	}
	for _, p := range patients {
		if t.of == nil {
			t.of = map[string][]string{}
		}
		list, known := t.of[p]
		if !known {
			t.patients = append(t.patients, p)
		}
		if len(list) <= trailResources && !slices.Contains(list, resource) {
			t.of[p] = append(list, resource)
		}
	}
}

// Disclosed calls f for each patient whose record was disclosed, with the resource where it was one, or "" for several. Where none
// was a patient's it is called once, with "" for the patient and with the resource where it was one.
func (t *Trail) Disclosed(f func(patient, resource string)) {
	if t == nil {
		f("", "")
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.patients) == 0 {
		f("", only(t.nobodys))
	}
	for _, p := range t.patients {
		f(p, only(t.of[p]))
	}
}

func only(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return ""
}

type trailKey struct{}

// WithTrail is a context of a request whose disclosures are noted in t.
func WithTrail(ctx context.Context, t *Trail) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

// TrailFrom is where the disclosures of a request are noted; nil where they are not.
func TrailFrom(ctx context.Context) *Trail {
	t, _ := ctx.Value(trailKey{}).(*Trail)
	return t
}
