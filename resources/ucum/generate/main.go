// Command generate derives the table of units from ucum-essence.xml, the machine-readable table of
// the Unified Code for Units of Measure (see ../NOTICE.md for its terms).
//
//	go run ./generate -data ../../../shared/data/ucum/ucum-essence.xml -out units.tsv
//
// Codes, values and definitions are copied as they stand; names and print symbols stay out. The
// output depends on the input alone.
package main

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	data := flag.String("data", "../../../shared/data/ucum/ucum-essence.xml", "the table of UCUM")
	out := flag.String("out", "units.tsv", "file to write")
	flag.Parse()
	if err := generate(*data, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// essence is what is read of ucum-essence.xml.
type essence struct {
	Version  string `xml:"version,attr"`
	Prefixes []item `xml:"prefix"`
	Bases    []item `xml:"base-unit"`
	Units    []item `xml:"unit"`
}

type item struct {
	Code      string `xml:"Code,attr"`
	Metric    string `xml:"isMetric,attr"`
	Arbitrary string `xml:"isArbitrary,attr"`
	Value     value  `xml:"value"`
}

type value struct {
	Unit     string `xml:"Unit,attr"`
	Value    string `xml:"value,attr"`
	Function *struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
		Unit  string `xml:"Unit,attr"`
	} `xml:"function"`
}

func generate(data, out string) error {
	text, err := os.ReadFile(data) //nolint:gosec // the path is the caller's own
	if err != nil {
		return err
	}
	var e essence
	decoder := xml.NewDecoder(bytes.NewReader(text))
	decoder.CharsetReader = asIs
	if err := decoder.Decode(&e); err != nil {
		return err
	}
	table := e.table()
	return os.WriteFile(out, table, 0o644) //nolint:gosec // a source file, readable by all
}

// table is one line for each prefix, base unit and unit, in the order of the source.
func (e essence) table() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# UCUM %s. Copyright Regenstrief Institute, Inc. and the UCUM Organization; see NOTICE.md.\n", e.Version)
	fmt.Fprintln(&b, "kind\tcode\tflags\tfunction\tvalue\tunit")
	for _, p := range e.Prefixes {
		row(&b, "prefix", p.Code, "", "", p.Value.Value, "")
	}
	for _, u := range e.Bases {
		row(&b, "base", u.Code, "m", "", "", "")
	}
	for _, u := range e.Units {
		var flags, function string
		if u.Metric == "yes" {
			flags += "m"
		}
		if u.Arbitrary == "yes" {
			flags += "a"
		}
		amount, unit := u.Value.Value, u.Value.Unit
		if f := u.Value.Function; f != nil {
			function, amount, unit = f.Name, f.Value, f.Unit
		}
		row(&b, "unit", u.Code, flags, function, amount, unit)
	}
	return b.Bytes()
}

// asIs reads the encoding that the source names, which is ASCII.
func asIs(_ string, input io.Reader) (io.Reader, error) { return input, nil }

func row(b *bytes.Buffer, cells ...string) { fmt.Fprintln(b, strings.Join(cells, "\t")) }
