// Command generate derives the embedded R4 tables from the definition tables
// of the specification (package hl7.fhir.r4.core 4.0.1, CC0-1.0).
//
//	go run ./generate -data ../../../shared/data/fhir-r4 -out r4
//
// Only the columns that the server reads are kept; prose stays out. The output
// depends on the input alone, so that CI can compare it byte for byte.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

func main() {
	data := flag.String("data", "../../../shared/data/fhir-r4", "folder with the definition tables")
	out := flag.String("out", "r4", "folder to write to")
	flag.Parse()
	if err := generate(*data, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// tables lists each table that is copied by column: source file and the columns kept, in order.
var tables = []struct {
	name    string
	columns []string
	keep    func(row map[string]string) bool
}{
	{"structures", []string{"name", "kind", "abstract", "base", "url", "regex"}, nil},
	{"elements", []string{
		"structure", "path", "min", "max", "types", "contentReference", "bindingStrength", "valueSet",
		"summary", "modifier", "representation", "limits", "ordered",
	}, nil},
	{"constraints", []string{"structure", "path", "key", "severity", "expression", "source"}, nil},
	{"search-parameters", []string{
		"base", "code", "type", "expression", "target", "url", "xpathUsage", "multipleOr", "multipleAnd",
		"comparator", "modifier", "component",
	}, func(row map[string]string) bool { return row["origin"] == "base" }},
}

func generate(data, out string) error {
	for _, t := range tables {
		rows, err := readTable(filepath.Join(data, t.name+".tsv"))
		if err != nil {
			return err
		}
		var buf bytes.Buffer
		fmt.Fprintln(&buf, strings.Join(t.columns, "\t"))
		for _, row := range rows {
			if t.keep != nil && !t.keep(row) {
				continue
			}
			cells := make([]string, len(t.columns))
			for i, c := range t.columns {
				cells[i] = row[c]
			}
			fmt.Fprintln(&buf, strings.Join(cells, "\t"))
		}
		if err := write(out, t.name, buf.Bytes()); err != nil {
			return err
		}
	}
	if err := compartments(data, out); err != nil {
		return err
	}
	for _, table := range []func(data, out string) error{valueSets, codeSystems, composedValueSets} {
		if err := table(data, out); err != nil {
			return err
		}
	}
	return nil
}

func readTable(path string) ([]map[string]string, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(src), "\n"), "\n")
	header := strings.Split(lines[0], "\t")
	rows := make([]map[string]string, 0, len(lines)-1)
	for i, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != len(header) {
			return nil, fmt.Errorf("%s line %d: %d cells, expected %d", path, i+2, len(cells), len(header))
		}
		row := make(map[string]string, len(header))
		for j, name := range header {
			row[name] = cells[j]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func compartments(data, out string) error {
	src, err := os.ReadFile(filepath.Join(data, "compartments.json"))
	if err != nil {
		return err
	}
	var defs map[string]struct {
		Resource map[string][]string `json:"resource"`
	}
	if err := json.Unmarshal(src, &defs); err != nil {
		return err
	}
	var rows []string
	for name, def := range defs {
		for typ, params := range def.Resource {
			rows = append(rows, name+"\t"+typ+"\t"+strings.Join(params, ","))
		}
	}
	slices.Sort(rows)
	return write(out, "compartments", []byte("compartment\ttype\tparameters\n"+strings.Join(rows, "\n")+"\n"))
}

func valueSets(data, out string) error {
	f, err := os.Open(filepath.Join(data, "valuesets-required.ndjson"))
	if err != nil {
		return err
	}
	defer f.Close()
	var buf bytes.Buffer
	fmt.Fprintln(&buf, "url\tsystem\tcode\tdisplay")
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var vs struct {
			URL     string `json:"url"`
			Systems []struct {
				System string      `json:"system"`
				Codes  [][2]string `json:"codes"`
			} `json:"systems"`
			Open []struct {
				System string `json:"system"`
			} `json:"open"`
		}
		if err := json.Unmarshal(lines.Bytes(), &vs); err != nil {
			return err
		}
		for _, s := range vs.Systems {
			for _, c := range s.Codes {
				fmt.Fprintf(&buf, "%s\t%s\t%s\t%s\n", vs.URL, s.System, c[0], c[1])
			}
		}
		for _, s := range vs.Open { // an open code system: any code, checked by its grammar
			fmt.Fprintf(&buf, "%s\t%s\t\t\n", vs.URL, s.System)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return write(out, "valuesets", buf.Bytes())
}

func write(out, name string, content []byte) error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, name+".tsv.zst"), enc.EncodeAll(content, nil), 0o644)
}
