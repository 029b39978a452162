package narrative_test

import (
	"strings"
	"testing"

	"kiln/resources/narrative"
)

// div puts content into the div of a narrative.
func div(content string) string {
	return `<div xmlns="http://www.w3.org/1999/xhtml">` + content + `</div>`
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"Paragraphs", div(`<p>Ada <b class="x">Example</b><br/></p>`), ""},
		{"SpaceAroundTheDiv", " \n" + div("x") + "\n ", ""},
		{"ACommentIsSkipped", div("<!-- x -->y"), ""},
		{"ATableWithItsAttributes", div(`<table border="1" summary="s"><tbody><tr><td colspan="2" nowrap="nowrap">1</td></tr></tbody></table>`), ""},
		{"AnImageIsContent", div(`<img src="data:image/png;base64,AAAA" alt=""/>`), ""},
		{"Links", div(`<a href="https://example.org/a:b?c&amp;d" name="e">f</a><a href="#e">g</a>`), ""},
		{"CharacterNumbers", div("&#160;&#xe9;&lt;"), ""},
		{"TheNamespaceAgain", div(`<table xmlns="http://www.w3.org/1999/xhtml"><tr><td>1</td></tr></table>`), ""},

		{"NothingAtAll", "", "txt-1 The narrative does not begin"},
		{"NoDiv", "<p>x</p>", "txt-1 The narrative does not begin"},
		{"ADivOfAnotherName", `<divx xmlns="http://www.w3.org/1999/xhtml">x</divx>`, "txt-1 The narrative is one div; found <divx>."},
		{"NoNamespace", "<div>x</div>", `txt-1 The div of the narrative must say xmlns="http://www.w3.org/1999/xhtml".`},
		{"AnotherNamespace", `<div xmlns="urn:x">x</div>`, "txt-1 The div of the narrative must say xmlns"},
		{"AnotherNamespaceInside", div(`x<p xmlns="http://www.w3.org/2000/svg"/>`), "txt-1 The narrative may not have elements of the namespace"},
		{"AForeignAttribute", `<div xmlns="http://www.w3.org/1999/xhtml" xmlns:l="http://www.w3.org/1999/xlink"><a l:href="x">y</a></div>`, "txt-1 The narrative may not have the attribute href of <a>."},
		{"TwoDivs", div("x") + div("y"), "txt-1 The narrative is no well-formed XHTML"},
		{"TextBehind", div("x") + "y", "txt-1 The narrative is no well-formed XHTML"},
		{"NotClosed", `<div xmlns="http://www.w3.org/1999/xhtml"><p>x</div>`, "txt-1 The narrative is no well-formed XHTML: The end tag </div> was found where </p> was expected."},
		{"EntitiesOfHTML", div("a&nbsp;b"), "txt-1 The narrative is no well-formed XHTML"},
		{"ALoneAmpersand", div("a & b"), "txt-1 The narrative is no well-formed XHTML"},
		{"DocumentType", `<!DOCTYPE div><div/>`, "txt-1 The narrative does not begin"},
		{"ProcessingInstructions", div("<?php x?>y"), "txt-1 The narrative may not have processing instructions."},
		{"Scripts", div("x<script>alert(1)</script>"), "txt-1 The narrative may not have the element <script>."},
		{"Forms", div("x<form><input/></form>"), "txt-1 The narrative may not have the element <form>.|txt-1 The narrative may not have the element <input>."},
		{"Frames", div("x<iframe src='y'/>"), "txt-1 The narrative may not have the element <iframe>.|txt-1 The narrative may not have the attribute src of <iframe>."},
		{"Insertions", div("<ins>x</ins>"), "txt-1 The narrative may not have the element <ins>."},
		{"UpperCase", div("<P>x</P>"), "txt-1 The narrative may not have the element <P>."},
		{"Events", div(`<p onclick="x()">y</p>`), "txt-1 The narrative may not have the attribute onclick of <p>."},
		{"EachProblemOnce", div(`<p onclick="x()">y</p><p onclick="z()">y</p>`), "txt-1 The narrative may not have the attribute onclick of <p>."},
		{"LinksThatAreScripts", div(`<a href="javascript:x()">y</a>`), "txt-1 The narrative may not have a link that is a script."},
		{"LinksThatHideIt", div(`<a href=" Java&#10;Script&#58;x()">y</a>`), "txt-1 The narrative may not have a link that is a script."},
		{"White", div(" \n<p> </p>"), "txt-2 The narrative has nothing to see in it"},
		{"Empty", `<div xmlns="http://www.w3.org/1999/xhtml"/>`, "txt-2 The narrative has nothing to see in it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range narrative.Check(c.text) {
				got = append(got, p.Key+" "+p.Text)
			}
			if c.want == "" {
				if len(got) > 0 {
					t.Errorf("reports %q", got)
				}
				return
			}
			want := strings.Split(c.want, "|")
			if len(got) != len(want) {
				t.Fatalf("reports %q; want %q", got, want)
			}
			for i := range want {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("reports %q; want %q", got[i], want[i])
				}
			}
		})
	}
}

func TestManyProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		b.WriteString("<x" + strings.Repeat("y", i%200) + "/>")
	}
	if got := len(narrative.Check(div(b.String()))); got == 0 || got > 20 {
		t.Errorf("%d problems are listed", got)
	}
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{div("x"), div(`<p onclick="x"/>`), "<div", div("<!--"), div("&#0;"), div("\x00")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		problems := narrative.Check(text)
		if len(problems) == 0 && (!strings.Contains(text, narrative.Namespace) || strings.Contains(text, "<script")) && !strings.ContainsAny(text, "&!") {
			t.Errorf("%q passes", text)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	text := div(strings.Repeat(`<p>Ada <b>Example</b>, an <a href="https://example.org">invented</a> person</p>`, 20))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if narrative.Check(text) != nil {
			b.Fatal("has problems")
		}
	}
}
