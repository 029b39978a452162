package search

import "slices"

// Uses are the parameters whose values decide whether a resource matches a tree. False where the values of other
// resources, or of what is contained, decide too.
func Uses(x Expr) (params []*Parameter, alone bool) {
	u := uses{alone: true}
	u.walk(x)
	return u.params, u.alone
}

type uses struct {
	params []*Parameter
	alone  bool
}

func (u *uses) walk(x Expr) {
	switch x := x.(type) {
	case nil, Nothing:
	case And:
		u.each(x)
	case Or:
		u.each(x)
	case Not:
		u.walk(x.Of)
	case Test:
		u.use(x.Param)
	case Missing:
		u.use(x.Param)
	case Among:
		for _, param := range x.Params {
			u.use(param)
		}
	default:
		u.alone = false
	}
}

func (u *uses) each(parts []Expr) {
	for _, part := range parts {
		u.walk(part)
	}
}

func (u *uses) use(param *Parameter) {
	if !slices.Contains(u.params, param) {
		u.params = append(u.params, param)
	}
}
