package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"

	"kiln/resources"
)

// named are the files on the command line, in which definitions are looked for when the first is
// asked for.
type named struct {
	paths []string
	once  sync.Once
	found map[string][]resources.Element // by type and url
}

// maxNamed bounds the definitions that are kept.
const maxNamed = 10_000

var errEnough = errors.New("enough definitions")

// definition is the hook of validation.Options: the resource of that type with the url and, if there
// is one, the version behind the bar. Of several without a version the last one counts.
func (f *named) definition(_ context.Context, typ, canonical string) (resources.Element, bool) {
	f.once.Do(f.gather)
	url, version, _ := strings.Cut(canonical, "|")
	all := f.found[typ+" "+url]
	for i := len(all) - 1; i >= 0; i-- {
		if version == "" || all[i].First("version").Text() == version {
			return all[i], true
		}
	}
	return resources.Element{}, false
}

// gather reads the files once more, but for pipes, which are read only once. What cannot be read is
// reported where it is validated.
func (f *named) gather() {
	f.found = map[string][]resources.Element{}
	kept := 0
	for _, path := range f.paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
			continue
		}
		err = units(path, func(u unit) error {
			e, ok := definitionIn(u)
			if !ok {
				return nil
			}
			f.keep(e, e.First("url").Text())
			f.keep(e, e.Type().Name+"/"+e.First("id").Text())
			if kept++; kept >= maxNamed {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return
		}
	}
}

func (f *named) keep(e resources.Element, canonical string) {
	if canonical != "" {
		key := e.Type().Name + " " + canonical
		f.found[key] = append(f.found[key], e)
	}
}

// defining are the types of resource that others are judged against.
var defining = map[string]bool{"Questionnaire": true, "Measure": true, "Library": true}

// definitionIn is the definition that a unit is, if it is one.
func definitionIn(u unit) (resources.Element, bool) {
	mentioned := false
	for typ := range defining {
		mentioned = mentioned || bytes.Contains(u.Text, []byte(`"`+typ+`"`))
	}
	if u.Refuse != nil || !mentioned {
		return resources.Element{}, false
	}
	doc, err := resources.Parse(u.Text)
	if err != nil {
		return resources.Element{}, false
	}
	e, err := doc.Resource()
	return e, err == nil && defining[e.Type().Name]
}
