package validation

// EvaluateEverything makes v evaluate every invariant on every element, without remembering what
// those say that only depend on which elements are there.
func EvaluateEverything(v *Validator) {
	for _, p := range v.plans {
		for _, m := range p.ready().members {
			forget(m.rules)
		}
		forget(p.rules)
	}
}

func forget(rules []*rule) {
	for _, r := range rules {
		r.local = false
	}
}

// Lexical is the form of a primitive type; nil where every text of its JSON kind will do.
func Lexical(name string) func(text string) bool { return lexicals[name].valid }
