package searchtest

import (
	"cmp"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"

	"kiln/search"
)

// RandomQuery makes a query string (percent-encoded) for a type: one to three filters, and at times
// _sort and _contained. Values are taken from the samples, entries of resources of any type, where there are some
// of the parameter, and from the vocabularies of RandomResource otherwise. The query is valid,
// except that a chain may have no type in common with a value.
func RandomQuery(r *rand.Rand, parameters *search.Parameters, typ string, samples []search.Entry) string {
	g := generator{r, parameters, samples}
	return g.query(typ, g.containedParts())
}

// query makes filters and at times _sort; where says whether it looks into contained resources, unless
// what it asks for is not asked of these.
func (g generator) query(typ string, where []string) string {
	var parts []string
	filters := 1 + g.r.IntN(3)
	if where != nil {
		filters = (1 + filters) / 2 // there is less inside
	}
	for range filters {
		name, value := g.filter(typ, 0)
		parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	if g.r.IntN(2) == 0 {
		rules := g.sort(typ)
		if strings.Contains(rules, ".") {
			where = nil // what is inside is not sorted by what references lead to
		}
		parts = append(parts, "_sort="+url.QueryEscape(rules))
	}
	query := strings.Join(parts, "&")
	if where == nil || strings.Contains(query, "_content") || strings.Contains(query, "_text") || strings.Contains(query, "x-") {
		return query // words and custom parameters are of whole resources
	}
	return query + "&" + strings.Join(where, "&")
}

type generator struct {
	r          *rand.Rand
	parameters *search.Parameters
	samples    []search.Entry
}

func (g generator) filter(typ string, depth int) (name, value string) {
	if depth < 2 && typ != "" && g.r.IntN(10) == 0 {
		if name, value, ok := g.has(typ, depth); ok {
			return name, value
		}
	}
	if depth == 0 && g.r.IntN(6) == 0 {
		return "_filter", g.expression(typ, 0)
	}
	if list := lists[typ]; list != nil && g.r.IntN(8) == 0 {
		return "_list", pick(g.r, list)
	}
	if g.r.IntN(8) == 0 {
		return g.words(typ)
	}
	p := g.parameter(typ)
	if depth < 2 && p.Type == search.TypeReference && g.r.IntN(3) == 0 {
		return g.chain(p, depth)
	}
	if g.r.IntN(10) == 0 {
		return p.Code + ":missing", pick(g.r, []string{"true", "false"})
	}
	if name, value, ok := g.form(p); ok {
		return name, value
	}
	modifier := pick(g.r, modifiers[p.Type])
	if p.Identifies() && g.r.IntN(4) == 0 {
		modifier = "of-type"
	}
	if modifier == "" && (p.Canonical() || len(p.Hierarchies()) > 0) && g.r.IntN(2) == 0 {
		return p.Code + ":" + pick(g.r, []string{"above", "below"}), g.hierarchyText(p)
	}
	values := []string{g.value(p, modifier)}
	for g.r.IntN(3) == 0 {
		values = append(values, g.value(p, modifier))
	}
	name = p.Code
	if modifier != "" {
		name += ":" + modifier
	}
	return name, strings.Join(values, ",")
}

var modifiers = map[search.ParameterType][]string{
	search.TypeNumber:    {""},
	search.TypeDate:      {""},
	search.TypeString:    {"", "", "exact", "contains"},
	search.TypeToken:     {"", "", "", "", "not", "text", "in", "not-in", "below", "above"},
	search.TypeReference: {"", "", "", "identifier"},
	search.TypeComposite: {""},
	search.TypeQuantity:  {""},
	search.TypeURI:       {"", "above", "below"},
	search.TypeSpecial:   {""},
}

// lists are values of _list, functional ones too.
var lists = map[string][]string{
	"Condition":           {"$current-problems", "r1,$current-problems"},
	"MedicationStatement": {"$current-medications"},
	"AllergyIntolerance":  {"$current-allergies", "$current-drug-allergies"},
	"Patient":             {"r1,List/r2"},
}

func (g generator) chain(p *search.Parameter, depth int) (name, value string) {
	typ := pick(g.r, targets(p))
	name, value = g.filter(typ, depth+1)
	return p.Code + ":" + typ + "." + name, value
}

// targets are types that a reference may point to.
func targets(p *search.Parameter) []string {
	if len(p.Targets) == 0 || slices.Contains(p.Targets, "Resource") {
		return usualTypes
	}
	return p.Targets
}

// parameter is one whose values are compared; of those of type special near alone is, which one type has, and
// which so is asked for more often.
func (g generator) parameter(typ string) *search.Parameter {
	if p := g.parameters.Lookup(typ, "near"); p != nil && g.r.IntN(4) == 0 {
		return p
	}
	for {
		if p := pick(g.r, g.parameters.Of(typ)); p.Type != search.TypeSpecial || p.Nearby() {
			return p
		}
	}
}

// has makes a reverse chain from one of the usual types that may refer to typ.
func (g generator) has(typ string, depth int) (name, value string, ok bool) {
	source, p, ok := g.referrer(typ)
	if ok {
		name, value = g.filter(source, depth+1)
		name = "_has:" + source + ":" + p.Code + ":" + name
	}
	return name, value, ok
}

// referrer is a reference that may point to a type.
func (g generator) referrer(typ string) (source string, p *search.Parameter, ok bool) {
	for range 10 {
		source = pick(g.r, usualTypes)
		if p = pick(g.r, g.parameters.Of(source)); p.Refers(typ) {
			return source, p, true
		}
	}
	return "", nil, false
}

func (g generator) sort(typ string) string {
	var keys []string
	for range 1 + g.r.IntN(2) {
		if rule := g.rule(typ, 0); rule != "" {
			keys = append(keys, pick(g.r, []string{"", "-"})+rule)
		}
	}
	if keys == nil {
		return "_id"
	}
	return strings.Join(keys, ",")
}

// rule is what _sort goes by: a parameter, or one of what a reference leads to; empty at times.
func (g generator) rule(typ string, depth int) string {
	p := g.parameter(typ)
	switch {
	case p.Type == search.TypeComposite || p.Type == search.TypeSpecial:
		return ""
	case p.Type != search.TypeReference || depth > 2 || g.r.IntN(3) == 0:
		return p.Code
	}
	link, target := p.Code, ""
	if len(p.Targets) == 1 && !p.RefersToAny() && g.r.IntN(2) == 0 {
		target = p.Targets[0]
	} else {
		target = pick(g.r, targets(p))
		link += ":" + target
	}
	end := g.rule(target, depth+1)
	if end == "" {
		return p.Code
	}
	return link + "." + end
}

// value is one value of a parameter, escaped for the list and its own parts.
func (g generator) value(p *search.Parameter, modifier string) string {
	if p.Type == search.TypeComposite {
		return g.compositeText(p, g.sample(p))
	}
	return g.text(p.Type, modifier, g.sample(p))
}

// sample is a value that some resource has, nil at times or without one.
func (g generator) sample(p *search.Parameter) search.Value {
	if len(g.samples) == 0 || g.r.IntN(4) == 0 {
		return nil
	}
	start := g.r.IntN(len(g.samples))
	for i := range g.samples {
		if v := sampleIn(g.samples[(start+i)%len(g.samples)], p); v != nil {
			return v
		}
	}
	return nil
}

func (g generator) text(t search.ParameterType, modifier string, v search.Value) string {
	switch t {
	case search.TypeString:
		return g.stringText(v)
	case search.TypeToken:
		return g.tokenText(modifier, v)
	case search.TypeReference:
		return g.referenceText(modifier, v)
	case search.TypeDate:
		return g.prefix() + g.dateText(v)
	case search.TypeNumber:
		n, _ := v.(search.NumberValue)
		return g.prefix() + g.numberText(n)
	case search.TypeQuantity:
		return g.quantityText(v)
	case search.TypeSpecial:
		return g.nearText(v)
	}
	if u, ok := v.(search.URIValue); ok {
		return escape(u.URI)
	}
	return escape(pick(g.r, uris))
}

func (g generator) prefix() string {
	return pick(g.r, []string{"", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
}

// stringText is a value, its beginning, or its middle.
func (g generator) stringText(v search.Value) string {
	text := pick(g.r, words)
	if s, ok := v.(search.StringValue); ok {
		text = s.Text
	}
	if runes := []rune(text); len(runes) > 2 && g.r.IntN(2) == 0 {
		part := string(runes[:len(runes)/2])
		if g.r.IntN(3) == 0 {
			part = string(runes[len(runes)/3 : len(runes)-1])
		}
		if search.Fold(part) != "" {
			text = part
		}
	}
	return escape(text)
}

func (g generator) tokenText(modifier string, v search.Value) string {
	if text := g.setText(modifier, v); text != "" {
		return text
	}
	token, ok := v.(search.TokenValue)
	if modifier == "text" {
		if token.Text == "" {
			return escape(pick(g.r, words))
		}
		return escape(token.Text)
	}
	if !ok || token.System == "" && token.Code == "" {
		token = search.TokenValue{System: pick(g.r, systems), Code: pick(g.r, codes)}
	}
	if modifier == "of-type" {
		return ofTypeText(token)
	}
	system, code := escape(token.System), escape(token.Code)
	switch {
	case g.r.IntN(3) == 0 && code != "":
		return code
	case g.r.IntN(4) == 0 && system != "":
		return system + "|"
	case g.r.IntN(6) == 0 && code != "":
		return "|" + code
	}
	return system + "|" + code
}

// ofTypeText is system|code|value; what the token lacks is made up, since none may be empty.
func ofTypeText(token search.TokenValue) string {
	return escape(cmp.Or(token.TypeSystem, systems[0])) + "|" + escape(cmp.Or(token.TypeCode, codes[0])) + "|" + escape(cmp.Or(token.Code, codes[1]))
}

func (g generator) referenceText(modifier string, v search.Value) string {
	ref, _ := v.(search.ReferenceValue)
	if modifier == "identifier" {
		return g.tokenText("", ref.Identifier)
	}
	version := ""
	if ref.Version != "" && g.r.IntN(2) == 0 {
		version = "|" + ref.Version
	}
	switch {
	case ref.ID != "" && g.r.IntN(3) == 0:
		return ref.ID
	case ref.ID != "" && g.r.IntN(4) == 0:
		return BaseURL + "/" + ref.Type + "/" + ref.ID + version
	case ref.ID != "":
		return ref.Type + "/" + ref.ID + version
	case ref.URL != "" && ref.URL[0] != '#':
		return escape(ref.URL) + version
	}
	return ids(g.r)
}

// dateText is a date at or near one that a resource has.
func (g generator) dateText(v search.Value) string {
	d, ok := v.(search.DateValue)
	micros := d.Low
	if d.Low == search.MinTime || g.r.IntN(3) == 0 {
		micros = d.High
	}
	if !ok || micros == search.MaxTime || micros == search.MinTime {
		return pick(g.r, dates)
	}
	t := time.UnixMicro(micros).UTC()
	if t.Year() < 1 || t.Year() > 9998 {
		return pick(g.r, dates)
	}
	return t.Format(pick(g.r, []string{"2006", "2006-01", "2006-01-02", "2006-01-02T15:04Z", "2006-01-02T15:04:05Z", "2006-01-02T15:04:05.000Z"}))
}

func (g generator) numberText(v search.NumberValue) string {
	n := v.Low
	if n == nil {
		n = v.High
	}
	if n == nil || g.r.IntN(5) == 0 {
		return pick(g.r, numbers)
	}
	return n.Text('E')
}

func (g generator) quantityText(v search.Value) string {
	q, ok := v.(search.QuantityValue)
	if !ok {
		q = search.QuantityValue{System: "http://unitsofmeasure.org", Code: pick(g.r, units), Unit: "mg"}
	}
	number := g.prefix() + g.numberText(q.NumberValue)
	switch {
	case g.r.IntN(3) == 0 || q.Code == "" && q.Unit == "":
		return number
	case g.r.IntN(3) == 0 && q.Unit != "":
		return number + "||" + escape(q.Unit)
	case q.Code == "":
		return number + "||" + escape(q.Unit)
	}
	return number + "|" + escape(q.System) + "|" + escape(q.Code)
}

// compositeText has a value for each part, of the same element where there is one.
func (g generator) compositeText(p *search.Parameter, v search.Value) string {
	found, ok := v.(search.CompositeValue)
	parts := make([]string, len(p.Components))
	for i, c := range p.Components {
		var part search.Value
		if ok {
			part = pick(g.r, found.Parts[i])
		}
		parts[i] = g.text(c.Type, "", part)
	}
	return strings.Join(parts, "$")
}

var escaper = strings.NewReplacer(`\`, `\\`, ",", `\,`, "$", `\$`, "|", `\|`)

func escape(s string) string { return escaper.Replace(s) }
