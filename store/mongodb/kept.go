package mongodb

import (
	"sync"

	"kiln/store"
)

// kept are index values of before a reindex, which the open snapshots of a process still show. Those of other
// processes show what there is by now.
type kept struct {
	mu        sync.RWMutex
	documents map[store.Key]*document // without their bodies
}

// maxKept bounds what one snapshot keeps.
const maxKept = 200_000

// snapshots are those that are open.
type snapshots struct {
	mu   sync.Mutex
	open map[*view]struct{}
}

func (s *snapshots) add(v *view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*view]struct{}{}
	}
	v.kept = &kept{documents: map[store.Key]*document{}}
	s.open[v] = struct{}{}
}

func (s *snapshots) remove(v *view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, v)
}

// keep is called before the index of a newest version is replaced.
func (s *snapshots) keep(d *document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.open {
		if d.visible(v.at) {
			v.kept.add(d)
		}
	}
}

func (k *kept) add(d *document) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := d.key(); k.documents[key] == nil && len(k.documents) < maxKept {
		bare := *d
		bare.Resource, bare.Raw = nil, nil
		k.documents[key] = &bare
	}
}

// each visits what is shown in the place of what is stored: versions with the index of the state, and those that a
// preview makes.
func (v *view) each(typ string, visit func(*document)) {
	if v.kept != nil {
		v.kept.mu.RLock()
		defer v.kept.mu.RUnlock()
		for key, d := range v.kept.documents {
			if key.Type == typ && d.Position <= v.at && v.changed(key) == nil {
				visit(d)
			}
		}
	}
	if v.over == nil {
		return
	}
	for key, d := range v.over.documents {
		if key.Type == typ {
			visit(d)
		}
	}
}

// keptIndex is the version with the index that a state shows of it.
func (v *view) keptIndex(d *document) *document {
	if v.kept == nil || d == nil {
		return d
	}
	v.kept.mu.RLock()
	defer v.kept.mu.RUnlock()
	old := v.kept.documents[d.key()]
	if old == nil || old.Version != d.Version {
		return d
	}
	shown := *d
	shown.Index = old.Index
	return &shown
}
