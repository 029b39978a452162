package scope

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what is read.
const (
	maxText   = 8 << 10
	maxScopes = 200
)

// Administration is Kiln's own scope: an app that has it uses the powers of the person's rank in their name. Breaking the glass
// takes none.
const Administration = "administration"

// others are the scopes that are not about resources.
var others = []string{
	"openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access", Administration,
}

// Others are the scopes that are not about resources, in the order of the specification.
func Others() []string { return slices.Clone(others) }

var levels = map[string]Level{"patient": Patient, "user": User, "system": System}

func (l Level) String() string {
	for name, level := range levels {
		if level == l {
			return name
		}
	}
	return ""
}

// version1 are the permissions of version 1, which version 2 still takes:
// https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
var version1 = map[string]Permissions{"read": Read | Search, "write": Create | Update | Delete, "*": Create | Read | Update | Delete | Search}

var clinical = regexp.MustCompile(`^(patient|user|system)/(\*|[A-Z][A-Za-z]{1,63})\.(read|write|\*|c?r?u?d?s?)(\?.+)?$`)

// Parse reads a list of scopes, parted by spaces. What it does not understand grants nothing: it comes back apart, and so does
// everything beyond the bounds of 8 KiB and 200 scopes.
func Parse(text string) (set Set, unknown []string) {
	if len(text) > maxText {
		return nil, []string{"(too long)"}
	}
	for _, part := range strings.Fields(text) {
		s, ok := parse(part)
		switch {
		case !ok || len(set) == maxScopes:
			unknown = append(unknown, part)
		case !set.has(s):
			set = append(set, s)
		}
	}
	return set, unknown
}

func (s Set) has(one Scope) bool {
	return slices.ContainsFunc(s, func(other Scope) bool { return other.Text == one.Text })
}

func parse(text string) (Scope, bool) {
	if slices.Contains(others, text) {
		return Scope{Text: text}, true
	}
	m := clinical.FindStringSubmatch(text)
	if m == nil || m[3] == "" {
		return Scope{}, false
	}
	s := Scope{Text: text, Level: levels[m[1]], Type: m[2]}
	old, isOld := version1[m[3]]
	if isOld {
		s.Permissions = old
	} else {
		for _, letter := range m[3] {
			s.Permissions |= permissionLetters[letter]
		}
	}
	if m[4] == "" {
		return s, true
	}
	query, ok := canonical(m[4][1:])
	s.Query = query
	return s, ok && !isOld
}

var permissionLetters = map[rune]Permissions{'c': Create, 'r': Read, 'u': Update, 'd': Delete, 's': Search}

// canonical orders the parameters of a query, so that two that say the same are equal.
func canonical(query string) (string, bool) {
	values, err := url.ParseQuery(query)
	if err != nil || len(values) == 0 {
		return "", false
	}
	var pairs []string
	for name, list := range values {
		for _, value := range list {
			// A chain would ask about resources that are not looked at by what the caller may see of them.
			if name == "" || value == "" || strings.ContainsAny(name, ".:") || strings.HasPrefix(name, "_") && name != "_security" && name != "_tag" {
				return "", false // what does not filter resources
			}
			pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&"), true
}

// String is the list as it is given back.
func (s Set) String() string {
	texts := make([]string, len(s))
	for i, one := range s {
		texts[i] = one.Text
	}
	return strings.Join(texts, " ")
}

// Has reports whether a scope is in the set, letter by letter.
func (s Set) Has(text string) bool {
	return slices.ContainsFunc(s, func(one Scope) bool { return one.Text == text })
}

// AnyOf reports whether there is a clinical scope of a level.
func (s Set) AnyOf(level Level) bool {
	return slices.ContainsFunc(s, func(one Scope) bool { return one.Level == level })
}

// Allowing are the clinical scopes that allow all the permissions on a type: to act, one of them must.
func (s Set) Allowing(p Permissions, typ string) Set {
	var allowing Set
	for _, one := range s {
		if one.Level != None && one.Permissions&p == p && (one.Type == "*" || one.Type == typ) {
			allowing = append(allowing, one)
		}
	}
	return allowing
}

// Covers reports whether everything that t allows is allowed by s.
func (s Scope) Covers(t Scope) bool {
	if s.Level == None || t.Level == None {
		return s.Text == t.Text
	}
	return s.Level == t.Level && (s.Type == "*" || s.Type == t.Type) && s.Permissions&t.Permissions == t.Permissions && (s.Query == "" || s.Query == t.Query)
}

// Covers reports whether each scope of other is covered by one of the set.
func (s Set) Covers(other Set) bool {
	return !slices.ContainsFunc(other, func(t Scope) bool {
		return !slices.ContainsFunc(s, func(one Scope) bool { return one.Covers(t) })
	})
}

// Intersect is what of the set the other allows as well, in the set's order. A scope that is allowed whole stays as it was
// asked for; of one that is allowed in part there are the parts.
func (s Set) Intersect(other Set) Set {
	var left Set
	for _, one := range s {
		if slices.ContainsFunc(other, func(o Scope) bool { return o.Covers(one) }) {
			if !left.has(one) {
				left = append(left, one)
			}
			continue
		}
		for _, o := range other {
			if part, ok := one.meet(o); ok && !left.has(part) {
				left = append(left, part)
			}
		}
	}
	return left
}

// meet is what two clinical scopes allow both.
func (s Scope) meet(t Scope) (Scope, bool) {
	if s.Covers(t) {
		return t, true
	}
	if s.Level != t.Level || s.Level == None || s.Query != "" && t.Query != "" && s.Query != t.Query {
		return Scope{}, false
	}
	m := Scope{Level: s.Level, Type: s.Type, Permissions: s.Permissions & t.Permissions, Query: s.Query + t.Query}
	if s.Query == t.Query {
		m.Query = s.Query
	}
	switch {
	case m.Type == "*":
		m.Type = t.Type
	case t.Type != "*" && t.Type != m.Type:
		return Scope{}, false
	}
	if m.Permissions == 0 {
		return Scope{}, false
	}
	m.Text = m.Level.String() + "/" + m.Type + "." + m.Permissions.String()
	if m.Query != "" {
		m.Text += "?" + m.Query
	}
	return m, true
}

// String are the letters, in the order that version 2 demands.
func (p Permissions) String() string {
	var b strings.Builder
	for i, letter := range "cruds" {
		if p&(1<<i) != 0 {
			b.WriteRune(letter)
		}
	}
	return b.String()
}
