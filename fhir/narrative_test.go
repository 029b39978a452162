package fhir

import "testing"

// https://hl7.org/fhir/R4/http.html#trules: <a href> and <img src> in the narrative are links.
func TestRelink(t *testing.T) {
	for text, want := range map[string]string{
		`<a href="x">x</a>`:                `<a href="Y">x</a>`,
		`<a title="x" href='x'>`:           `<a title="x" href='Y'>`,
		`<A href="x">`:                     `<A href="Y">`,
		`<img alt="a > b" src="x"/>`:       `<img alt="a > b" src="Y"/>`,
		`<a href = "x"><img src="x"/></a>`: `<a href = "Y"><img src="Y"/></a>`,
		`<a href="x" href="x">`:            `<a href="Y" href="x">`,
		`<p href="x" src="x">x</p>`:        "",
		`<!-- <a href="x"> --><b/>`:        "",
		`<a data-href="x">`:                "",
		`<abbr href="x">`:                  "",
		`<a href="z">`:                     "",
		`<a href="`:                        "",
		`<a href`:                          "",
		`<a href=x>`:                       "",
		`<!-- `:                            "",
		`no tags at all`:                   "",
		`<a href="&#120;">`:                `<a href="Y">`,
	} {
		got, changed := relink(text, func(link string) (string, bool) { return "Y", link == "x" })
		if want == "" {
			want = text
		}
		if got != want || changed != (want != text) {
			t.Errorf("%s became %s (%v); want %s", text, got, changed, want)
		}
	}
}

func FuzzRelink(f *testing.F) {
	f.Add(`<div><a href="urn:uuid:1" title='>'>x</a><img src='urn:uuid:1'/><!-- <a href="urn:uuid:1"> --></div>`)
	f.Add(`<a href="urn:uuid:1`)
	f.Fuzz(func(t *testing.T, text string) {
		same, changed := relink(text, func(string) (string, bool) { return "", false })
		if changed || same != text {
			t.Errorf("%q became %q without a replacement", text, same)
		}
		got, _ := relink(text, func(link string) (string, bool) { return "urn:uuid:2", link == "urn:uuid:1" })
		if again, changed := relink(got, func(link string) (string, bool) { return "", link == "urn:uuid:1" }); changed {
			t.Errorf("%q became %q, which still has a link: %q", text, got, again)
		}
	})
}
