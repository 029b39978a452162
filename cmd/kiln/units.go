package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"

	"kiln/resources"
	"kiln/resources/xmlformat"
)

// unit is one JSON text found by load: a file, a line of NDJSON, or a file of a package.
type unit struct {
	Place  string // "patients.ndjson line 3", for reports
	Line   bool   // a line of NDJSON: always one resource to be stored, whatever its type
	Text   []byte // JSON
	Refuse error  // why the text could not be had, such as XML that is none
}

// loadable tells by the name whether a file found in a folder is for load. Files that are named
// on the command line are always read.
func loadable(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	return slices.Contains([]string{".json", ".ndjson", ".xml", ".tgz"}, filepath.Ext(name))
}

// maxUnit bounds one resource or bundle after decompression.
const maxUnit = 1 << 30

// units calls yield for everything in a file or folder, in the order of names.
func units(path string, yield func(unit) error) error {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return wrongUsage("there is no file or folder %s", path)
		}
		return err
	}
	if !info.IsDir() {
		return fileUnits(path, yield)
	}
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !loadable(name) {
			return err
		}
		return fileUnits(name, yield)
	})
}

// openFile opens a file that the user named.
func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wrongUsage("there is no file %s", path)
	}
	return f, err
}

func fileUnits(path string, yield func(unit) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var in io.Reader = bufio.NewReaderSize(f, 1<<20)
	name := path
	if lower := strings.ToLower(name); strings.HasSuffix(lower, ".gz") || strings.HasSuffix(lower, ".tgz") {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return yield(unit{Place: path, Refuse: fmt.Errorf("the file is not in gzip format: %w", err)})
		}
		in, name = unzipped, strings.TrimSuffix(lower, ".gz")
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".ndjson":
		return lineUnits(path, in, yield)
	case ".tgz":
		return packageUnits(path, in, yield)
	}
	return yield(wholeUnit(path, name, in))
}

func wholeUnit(place, name string, in io.Reader) unit {
	text, err := io.ReadAll(io.LimitReader(in, maxUnit+1))
	if err == nil && len(text) > maxUnit {
		err = fmt.Errorf("the text is longer than %d bytes", maxUnit)
	}
	if err == nil && (strings.HasSuffix(strings.ToLower(name), ".xml") || bytes.HasPrefix(bytes.TrimSpace(text), []byte("<"))) {
		text, err = xmlformat.ToJSON(text)
	}
	return unit{Place: place, Text: text, Refuse: err}
}

func lineUnits(path string, in io.Reader, yield func(unit) error) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > maxUnit {
			return yield(unit{Place: fmt.Sprintf("%s line %d", path, number), Refuse: fmt.Errorf("the line is longer than %d bytes", maxUnit)})
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if err := yield(unit{Place: fmt.Sprintf("%s line %d", path, number), Line: true, Text: text}); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return yield(unit{Place: fmt.Sprintf("%s line %d", path, number), Refuse: err})
		}
	}
}

// packageUnits reads the resources of an implementation guide package: the JSON files right under
// package/ (https://confluence.hl7.org/display/FHIR/NPM+Package+Specification); its manifest and
// index are no resources, and the examples stand in folders of their own.
func packageUnits(path string, in io.Reader, yield func(unit) error) error {
	files := tar.NewReader(in)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return yield(unit{Place: path, Refuse: fmt.Errorf("the package is damaged: %w", err)})
		}
		folder, name := filepath.Split(header.Name)
		if header.Typeflag != tar.TypeReg || folder != "package/" || filepath.Ext(name) != ".json" || name == "package.json" || strings.HasPrefix(name, ".") {
			continue
		}
		u := wholeUnit(path+" "+header.Name, name, files)
		u.Line = true
		if err := yield(u); err != nil {
			return err
		}
	}
}

// parse reads the text of the unit.
func (u unit) parse() (*resources.Document, error) {
	if u.Refuse != nil {
		return nil, u.Refuse
	}
	return resources.Parse(u.Text)
}
