package resources

// names finds duplicate member names: by comparing with the siblings while there are few, then
// with a set, so that an object of many members costs linear time.
type names struct {
	count int
	set   map[string]struct{}
}

const fewNames = 24

func (s *names) add(p *parser, self int32, name []byte) (duplicate bool) {
	s.count++
	if s.set == nil && s.count <= fewNames {
		for c := int(self) + 1; c < len(p.nodes); c = int(p.nodes[c].next) {
			if p.sameName(c, name) {
				return true
			}
		}
		return false
	}
	if s.set == nil {
		s.set = make(map[string]struct{}, 4*fewNames)
		for c := int(self) + 1; c < len(p.nodes); c = int(p.nodes[c].next) {
			s.set[p.nameOf(c)] = struct{}{}
		}
	}
	if _, duplicate = s.set[view(name)]; !duplicate {
		s.set[view(name)] = struct{}{}
	}
	return duplicate
}

func (p *parser) sameName(n int, name []byte) bool {
	v := &p.nodes[n]
	if v.flags&flagNameEscaped != 0 {
		return p.nameOf(n) == view(name)
	}
	return int(v.nameLen) == len(name) && view(p.src[v.name:v.name+uint32(v.nameLen)]) == view(name)
}

func (p *parser) nameOf(n int) string {
	v := &p.nodes[n]
	name := p.src[v.name : v.name+uint32(v.nameLen)]
	if v.flags&flagNameEscaped != 0 {
		return unescape(name)
	}
	return view(name)
}
