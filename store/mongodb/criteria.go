package mongodb

import (
	"strings"

	"kiln/search"
)

func is(name, mark, value string) condition {
	return oneKey{name, []string{name + mark + cutKey(legible(value))}}
}

func begins(name, mark, value string) condition {
	value = legible(value)
	if cut := cutKey(value); cut != value {
		return is(name, mark, cut) // a key that begins so is no longer
	}
	return beginning{name, []string{name + mark + value}}
}

// keysOf is the condition that some key of a parameter meets a criterion; anything where keys do not tell.
func keysOf(name string, m search.Modifier, c search.Criterion) condition {
	switch c := c.(type) {
	case search.StringCriterion:
		return stringKeys(name, m, c)
	case search.TokenCriterion:
		return tokenKeys(name, m, c)
	case search.ReferenceCriterion:
		return referenceKeys(name, m, c)
	case search.DateCriterion:
		return dateKeys(name, c)
	case search.NumberCriterion:
		return some(numberKeys(name, c), is(name, ">=", unranged))
	case search.QuantityCriterion:
		return quantityKeys(name, c)
	case search.URICriterion:
		return uriKeys(name, m, c)
	case search.PositionCriterion:
		return positionKeys(name, c)
	case search.WordsCriterion:
		return wordKeys(name, c)
	case search.CompositeCriterion:
		if len(c.Parts) > 0 {
			return keysOf(name+"$", search.Plain, c.Parts[0])
		}
	}
	return anything{}
}

func stringKeys(name string, m search.Modifier, c search.StringCriterion) condition {
	switch m {
	case search.Plain:
		if c.Folded != "" {
			return begins(name, "=", c.Folded)
		}
	case search.Exact, search.Equal:
		return is(name, "=", c.Folded)
	}
	return anything{}
}

func tokenKeys(name string, m search.Modifier, c search.TokenCriterion) condition {
	switch m {
	case search.Text:
		first, _, several := strings.Cut(c.Code, " ")
		switch {
		case first == "":
			return anything{}
		case several:
			return is(name, ":text=", first)
		}
		return begins(name, ":text=", first)
	case search.OfType:
		return is(name, ":of-type=", c.TypeSystem+"|"+c.TypeCode+"|"+c.Code)
	case search.Identifier:
		name += ":identifier"
	}
	switch {
	case c.AnyCode && (c.AnySystem || c.System == ""):
		return anything{}
	case c.AnyCode:
		return is(name, "=", c.System+"|")
	case c.AnySystem || c.System == "":
		return is(name, "=", c.Code)
	}
	return is(name, "=", c.System+"|"+c.Code)
}

func referenceKeys(name string, m search.Modifier, c search.ReferenceCriterion) condition {
	switch {
	case c.URL != "" && c.Version != "" && m == search.Plain:
		return is(name, "=", c.URL+"|"+c.Version)
	case c.URL != "":
		return is(name, "=", c.URL)
	case c.Type == "":
		return is(name, "=", c.ID)
	}
	return is(name, "=", c.Type+"/"+c.ID)
}

// uriKeys are those below, or each that is above: the beginnings of the URI that end at a separator.
func uriKeys(name string, m search.Modifier, c search.URICriterion) condition {
	switch m {
	case search.Below:
		return begins(name, "=", c.URI)
	case search.Above:
		list := []condition{is(name, "=", c.URI)}
		for i := range min(len(c.URI), maxKey+1) { // the keys of longer beginnings are cut to the same
			if strings.IndexByte("/#?|", c.URI[i]) >= 0 {
				list = append(list, is(name, "=", c.URI[:i]), is(name, "=", c.URI[:i+1]))
			}
		}
		return some(list...)
	}
	return is(name, "=", c.URI)
}

// maxWordKeys is how many words of a phrase are asked for.
const maxWordKeys = 8

func wordKeys(name string, c search.WordsCriterion) condition {
	words := strings.FieldsFunc(c.Words, partsWords)
	var list []condition
	for i, word := range words[:min(len(words), maxWordKeys)] {
		if c.Prefix && i == len(words)-1 {
			list = append(list, begins(name, "=", word))
		} else {
			list = append(list, is(name, "=", word))
		}
	}
	return some(all(list...), is(name, "=", everything))
}
