package searchtest

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"kiln/resources/definitions"
	"kiln/search"
)

// Coverage counts what has been drawn: every resource type, every type of parameter with every
// modifier, prefix and form of value that it has, sorts, and where questions are asked.
type Coverage map[string]int

// Add counts what a question is made of.
func (c Coverage) Add(parameters *search.Parameters, q Question) {
	switch {
	case q.Compartment.Name != "" && q.Type == "":
		c["compartment "+q.Compartment.Name+" *"]++
	case q.Compartment.Name != "":
		c["compartment "+q.Compartment.Name]++
	case q.Type != "":
		c["type "+q.Type]++
	case strings.HasPrefix(q.Query, "_type="):
		c["several types"]++
	default:
		c["system"]++
	}
	typ, pairs := q.Type, strings.Split(q.Query, "&")
	if rest, ok := strings.CutPrefix(pairs[0], "_type="); ok {
		typ, _, _ = strings.Cut(rest, ",")
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		c.add(parameters, typ, name, value)
	}
}

func (c Coverage) add(parameters *search.Parameters, typ, name, value string) {
	if rest, ok := strings.CutPrefix(name, "_has:"); ok {
		c["_has"]++
		parts := strings.SplitN(rest, ":", 3)
		c.addWithin("_has", parts[2])
		c.add(parameters, parts[0], parts[2], value)
		return
	}
	switch name {
	case "_filter", "_list", "_text", "_content", "near":
		c[name]++
		return
	case "_contained", "_containedType":
		c[name+"="+value]++
		return
	case "_sort":
		c.addSort(parameters, typ, value)
		return
	}
	if head, rest, ok := strings.Cut(name, "."); ok {
		c["chain"]++
		_, to, _ := strings.Cut(head, ":")
		c.addWithin("chain", rest)
		c.add(parameters, to, rest, value)
		return
	}
	code, modifier, _ := strings.Cut(name, ":")
	if p := parameters.Lookup(typ, code); p != nil {
		c.addFilter(p, modifier, value)
	}
}

// addWithin counts what a chain or _has asks of the resources that it leads to.
func (c Coverage) addWithin(around, name string) {
	_, modifier, _ := strings.Cut(name, ":")
	switch {
	case strings.HasPrefix(name, "_has:"):
		c[around+" of _has"]++
	case strings.Contains(name, "."):
		c[around+" of chain"]++
	case slices.Contains(withinModifiers, modifier):
		c[around+" of :"+modifier]++
	case slices.Contains(withinNames, name):
		c[around+" of "+name]++
	}
}

// Within chains and _has, these are told apart: what is negated there, what leads on, and what has an index
// of its own.
var (
	withinModifiers = []string{"not", "not-in", "missing", "below", "above"}
	withinNames     = []string{"_text", "_content", "_list", "near"}
)

func (c Coverage) addSort(parameters *search.Parameters, typ, value string) {
	rules := strings.Split(value, ",")
	if len(rules) > 1 {
		c["sort by several"]++
	}
	for _, rule := range rules {
		code, descending := strings.CutPrefix(rule, "-")
		if strings.Contains(code, ".") {
			c["sort by what a reference leads to"]++
			continue
		}
		if p := parameters.Lookup(typ, code); p != nil && descending {
			c["sort -"+p.Type.String()]++
		} else if p != nil {
			c["sort "+p.Type.String()]++
		}
	}
}

func (c Coverage) addFilter(p *search.Parameter, modifier, value string) {
	kind := p.Type.String()
	if definitions.R4().Resource(modifier) != nil {
		modifier = "[type]"
	}
	switch {
	case modifier == "missing":
		c[kind+":missing="+value]++
	case modifier != "":
		c[kind+":"+modifier]++
	case p.Type == search.TypeComposite:
		c["composite "+componentTypes(p)]++
	case prefixed[p.Type]:
		prefix, rest := cutPrefix(value)
		c[strings.TrimSpace(kind+" "+prefix)+" "+formOf(p.Type, rest)]++
	default:
		c[kind+" "+formOf(p.Type, value)]++
	}
}

func componentTypes(p *search.Parameter) string {
	var list []string
	for _, part := range p.Components {
		list = append(list, part.Type.String())
	}
	return strings.Join(list, "$")
}

var prefixed = map[search.ParameterType]bool{search.TypeNumber: true, search.TypeDate: true, search.TypeQuantity: true}

var prefixes = []string{"", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}

func cutPrefix(value string) (prefix, rest string) {
	if len(value) > 2 && slices.Contains(prefixes, value[:2]) {
		return value[:2], value[2:]
	}
	return "", value
}

// valueForm is a way to write a value of a type; the first that fits counts.
type valueForm struct {
	name    string
	pattern *regexp.Regexp
}

var valueForms = map[search.ParameterType][]valueForm{
	search.TypeNumber: {{"value", regexp.MustCompile(``)}},
	search.TypeString: {{"text", regexp.MustCompile(``)}},
	search.TypeURI:    {{"uri", regexp.MustCompile(``)}},
	search.TypeToken: {
		{"|code", regexp.MustCompile(`^\|`)},
		{"code", regexp.MustCompile(`^([^|\\]|\\.)*$`)},
		{"system|", regexp.MustCompile(`[^\\]\|$`)},
		{"system|code", regexp.MustCompile(``)},
	},
	search.TypeReference: {
		{"Type/id/_history", regexp.MustCompile(`^[A-Za-z]+/r\d+/_history/`)},
		{"Type/id", regexp.MustCompile(`^[A-Za-z]+/r\d+`)},
		{"id", regexp.MustCompile(`^r\d+`)},
		{"own URL/_history", regexp.MustCompile(`^` + BaseURL + `/.*/_history/`)},
		{"own URL|version", regexp.MustCompile(`^` + BaseURL + `/.*\|`)},
		{"own URL", regexp.MustCompile(`^` + BaseURL + `/`)},
		{"URL of another server", regexp.MustCompile(`^http://elsewhere`)},
		{"canonical|version", regexp.MustCompile(`^(http|urn).*[^\\]\|`)},
		{"URL", regexp.MustCompile(``)},
	},
	search.TypeDate: {
		{"year", regexp.MustCompile(`^\d{4}(,|$)`)},
		{"month", regexp.MustCompile(`^\d{4}-\d\d(,|$)`)},
		{"day", regexp.MustCompile(`^\d{4}-\d\d-\d\d(,|$)`)},
		{"minute", regexp.MustCompile(`T\d\d:\d\d(,|$)`)},
		{"minute with zone", regexp.MustCompile(`^[^,]*T\d\d:\d\d(Z|[-+])`)},
		{"second", regexp.MustCompile(`T\d\d:\d\d:\d\d(,|$)`)},
		{"second with zone", regexp.MustCompile(`^[^,]*T\d\d:\d\d:\d\d(Z|[-+])`)},
		{"fraction", regexp.MustCompile(`\.\d+(,|$)`)},
		{"fraction with zone", regexp.MustCompile(``)},
	},
	search.TypeQuantity: {
		{"number", regexp.MustCompile(`^[^|]*$`)},
		{"number||unit", regexp.MustCompile(`^[^|]*\|\|`)},
		{"number|system|code", regexp.MustCompile(``)},
	},
}

func formOf(t search.ParameterType, value string) string {
	for _, form := range valueForms[t] {
		if form.pattern.MatchString(value) {
			return form.name
		}
	}
	return ""
}

// Missing lists what there is to draw and has never been drawn, sorted.
func (c Coverage) Missing(parameters *search.Parameters) []string {
	var missing []string
	for what := range wanted(parameters) {
		if c[what] == 0 {
			missing = append(missing, what)
		}
	}
	slices.Sort(missing)
	return missing
}

// wanted is all there is to draw.
func wanted(parameters *search.Parameters) map[string]bool {
	all := map[string]bool{
		"system": true, "several types": true, "_has": true, "chain": true, "_filter": true, "_list": true, "sort by several": true,
		"_text": true, "_content": true, "near": true, "sort by what a reference leads to": true, "_contained=true": true, "_contained=both": true, "_containedType=contained": true,
	}
	for _, name := range []string{"_contained=false", "_containedType=container"} {
		all[name] = true
	}
	for _, around := range []string{"chain", "_has"} {
		all[around+" of chain"], all[around+" of _has"] = true, true
		for _, modifier := range withinModifiers {
			all[around+" of :"+modifier] = true
		}
		for _, name := range withinNames {
			all[around+" of "+name] = true
		}
	}
	for _, name := range compartments {
		all["compartment "+name], all["compartment "+name+" *"] = true, true
	}
	for _, typ := range definitions.R4().ResourceNames() {
		all["type "+typ] = true
		for _, p := range parameters.Of(typ) {
			if p.Type != search.TypeSpecial {
				maps.Copy(all, wantedOf(p))
			}
		}
	}
	return all
}

// allModifiers are those of the specification that this package draws, by type.
var allModifiers = map[search.ParameterType][]string{
	search.TypeString: {"exact", "contains"}, search.TypeReference: {"identifier", "[type]", "above", "below"}, search.TypeURI: {"above", "below"},
	search.TypeToken: {"not", "text", "in", "not-in", "below", "above", "of-type"},
}

func wantedOf(p *search.Parameter) map[string]bool {
	kind := p.Type.String()
	all := map[string]bool{kind + ":missing=true": true, kind + ":missing=false": true}
	for _, modifier := range allModifiers[p.Type] {
		all[kind+":"+modifier] = true
	}
	if p.Type == search.TypeComposite {
		all["composite "+componentTypes(p)] = true
		return all
	}
	all["sort "+kind], all["sort -"+kind] = true, true
	of := prefixes[:1]
	if prefixed[p.Type] {
		of = prefixes
	}
	for _, prefix := range of {
		for _, form := range valueForms[p.Type] {
			all[strings.TrimSpace(kind+" "+prefix)+" "+form.name] = true
		}
	}
	return all
}
