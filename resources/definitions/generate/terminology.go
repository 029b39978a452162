package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// notShipped are code systems of the package whose codes stay under their owners' terms; of them
// only the metadata is kept.
var notShipped = []string{"http://dicom.nema.org/resources/ontology/DCM"}

// codeSystems writes a line for each code system, and after it one for each concept, which begins
// with an empty cell: code, display, and the positions of its parents in the system.
func codeSystems(data, out string) error {
	var buf bytes.Buffer
	fmt.Fprintln(&buf, "url\tversion\tcontent\tcaseSensitive\thierarchyMeaning\tsupplements")
	err := packedLines(filepath.Join(data, "codesystems.ndjson.gz"), func(line []byte) error {
		var cs struct {
			URL, Version, Content, HierarchyMeaning, Supplements string
			CaseSensitive                                        *bool
			Concept                                              [][]any
		}
		if err := json.Unmarshal(line, &cs); err != nil {
			return err
		}
		if slices.Contains(notShipped, cs.URL) {
			cs.Content, cs.Concept = "not-present", nil
		}
		insensitive := cs.CaseSensitive != nil && !*cs.CaseSensitive
		fmt.Fprintf(&buf, "%s\t%s\t%s\t%t\t%s\t%s\n", cs.URL, cs.Version, cs.Content, !insensitive, cs.HierarchyMeaning, cs.Supplements)
		return concepts(&buf, cs.Concept)
	})
	if err != nil {
		return err
	}
	return write(out, "codesystems", buf.Bytes())
}

// concepts writes [code, display, [parents]] each.
func concepts(buf *bytes.Buffer, list [][]any) error {
	place := map[string]int{}
	for i, c := range list {
		place[c[0].(string)] = i
	}
	for _, c := range list {
		display, _ := c[1].(string)
		var parents []string
		if len(c) > 2 {
			for _, parent := range c[2].([]any) {
				i, ok := place[parent.(string)]
				if !ok {
					return fmt.Errorf("the parent %v of %v is no concept", parent, c[0])
				}
				parents = append(parents, strconv.Itoa(i))
			}
		}
		fmt.Fprintf(buf, "\t%s\t%s\t%s\n", cell(c[0].(string)), cell(display), strings.Join(parents, ","))
	}
	return nil
}

// compose is ValueSet.compose as far as it decides what is in the set.
type compose struct {
	Inactive         *bool
	Include, Exclude []struct {
		System, Version string
		ValueSet        []string
		Concept         []struct{ Code, Display string }
		Filter          []struct{ Property, Op, Value string }
	}
}

// composedValueSets writes a line for each value set, and after it those of its compose: "include"
// or "exclude", then its "concept"s and "filter"s, all after an empty cell. Displays are kept for
// the codes of HL7 alone.
func composedValueSets(data, out string) error {
	var buf bytes.Buffer
	fmt.Fprintln(&buf, "url\tversion\tinactive")
	err := packedLines(filepath.Join(data, "valuesets-compose.ndjson.gz"), func(line []byte) error {
		var vs struct {
			URL, Version string
			Compose      compose
		}
		if err := json.Unmarshal(line, &vs); err != nil {
			return err
		}
		inactive := ""
		if vs.Compose.Inactive != nil {
			inactive = strconv.FormatBool(*vs.Compose.Inactive)
		}
		fmt.Fprintf(&buf, "%s\t%s\t%s\n", vs.URL, vs.Version, inactive)
		vs.Compose.write(&buf)
		return nil
	})
	if err != nil {
		return err
	}
	return write(out, "valuesets-compose", buf.Bytes())
}

func (c *compose) write(buf *bytes.Buffer) {
	for i, part := range slices.Concat(c.Include, c.Exclude) {
		kind := "include"
		if i >= len(c.Include) {
			kind = "exclude"
		}
		fmt.Fprintf(buf, "\t%s\t%s\t%s\t%s\n", kind, part.System, part.Version, strings.Join(part.ValueSet, " "))
		for _, concept := range part.Concept {
			if !strings.Contains(part.System, "hl7.org/") {
				concept.Display = ""
			}
			fmt.Fprintf(buf, "\tconcept\t%s\t%s\n", cell(concept.Code), cell(concept.Display))
		}
		for _, filter := range part.Filter {
			fmt.Fprintf(buf, "\tfilter\t%s\t%s\t%s\n", filter.Property, filter.Op, cell(filter.Value))
		}
	}
}

// cell is a text without what parts cells.
func cell(text string) string { return strings.Join(strings.Fields(text), " ") }

// packedLines calls yield for each line of a compressed file.
func packedLines(path string, yield func(line []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if err := yield(lines.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return lines.Err()
}
