package auth

import (
	"context"
	"sync"
)

// Trail is what one request disclosed, for the audit log: whose records, and which resources of them. It is filled in as
// resources leave, by several goroutines where the entries of a batch are done at the same time.
type Trail struct {
	mutex   sync.Mutex
	told    []disclosure   // in the order in which they were disclosed, each patient once
	places  map[string]int // of patients among them, where they are many
	nobodys disclosure     // what is no patient's
}

// disclosure is what left of one patient's record: a resource, or several, of which the event tells the query alone.
type disclosure struct {
	patient, typ, id string
	several          bool
	broken           bool
}

// fewPatients is up to how many a list is looked through.
const fewPatients = 16

// Disclose notes that a resource left, and whose record it is.
func (t *Trail) Disclose(typ, id string, patients []string) {
	if t == nil {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(patients) == 0 {
		t.nobodys.add(typ, id)
	}
	for _, p := range patients {
		t.of(p).add(typ, id)
	}
}

// Broke notes that a patient's record left since the glass was broken for it.
func (t *Trail) Broke(patient string) {
	if t == nil {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.of(patient).broken = true
}

func (d *disclosure) add(typ, id string) {
	if d.id == "" {
		d.typ, d.id = typ, id
	} else if d.typ != typ || d.id != id {
		d.several = true
	}
}

// of is what was disclosed of a patient.
func (t *Trail) of(patient string) *disclosure {
	if t.places == nil {
		for i := range t.told {
			if t.told[i].patient == patient {
				return &t.told[i]
			}
		}
	} else if i, known := t.places[patient]; known {
		return &t.told[i]
	}
	t.told = append(t.told, disclosure{patient: patient})
	switch {
	case t.places != nil:
		t.places[patient] = len(t.told) - 1
	case len(t.told) > fewPatients:
		t.places = make(map[string]int, 2*len(t.told))
		for i := range t.told {
			t.places[t.told[i].patient] = i
		}
	}
	return &t.told[len(t.told)-1]
}

// Disclosed calls f for each patient whose record was disclosed, with the resource where it was one, or "" for several, and
// whether the glass was broken for it. Where none was a patient's it is called once, with "" for the patient and with the
// resource where it was one.
func (t *Trail) Disclosed(f func(patient, resource string, broken bool)) {
	if t == nil {
		f("", "", false)
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.told) == 0 {
		f("", t.nobodys.resource(), false)
	}
	for i := range t.told {
		f(t.told[i].patient, t.told[i].resource(), t.told[i].broken)
	}
}

func (d *disclosure) resource() string {
	if d.several || d.id == "" {
		return ""
	}
	return d.typ + "/" + d.id
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
