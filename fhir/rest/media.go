package rest

import (
	"net/http"
	"strconv"
	"strings"

	"kiln/resources/outcome"
)

// codec is a way to write resources.
type codec uint8

// The codecs. NDJSON is for lists of resources only.
const (
	codecJSON codec = iota
	codecXML
	codecNDJSON
)

// format is what the caller asked the answer to be written in.
type format struct {
	*media
	pretty bool
}

// media is one media type that is understood.
type media struct {
	codec       codec
	contentType []string // that answers carry, as a header value
	// fhir is set for the media types of FHIR itself: asked for one of them, a Binary is shown as a
	// resource (https://hl7.org/fhir/R4/binary.html#rest).
	fhir       bool
	outputOnly bool
}

func newMedia(c codec, name string) *media {
	return &media{codec: c, contentType: []string{name + "; charset=utf-8"}, fhir: strings.Contains(name, "/fhir+")}
}

var (
	fhirJSON = newMedia(codecJSON, "application/fhir+json")
	fhirXML  = newMedia(codecXML, "application/fhir+xml")
	ndjson   = newMedia(codecNDJSON, "application/fhir+ndjson")
	// anyJSON and anyXML answer those who left the choice to the server.
	anyJSON = &media{codec: codecJSON, contentType: fhirJSON.contentType, outputOnly: true}
	anyXML  = &media{codec: codecXML, contentType: fhirXML.contentType, outputOnly: true}
)

// mediaTypes holds every media type that is read or written. A generic type is answered with
// itself: https://hl7.org/fhir/R4/http.html#mime-type. There are no HTML pages of resources;
// browsers get JSON.
var mediaTypes = map[string]*media{
	"application/fhir+json":   fhirJSON,
	"application/json+fhir":   fhirJSON, // of DSTU2, still sent by old clients
	"application/json":        newMedia(codecJSON, "application/json"),
	"text/json":               newMedia(codecJSON, "text/json"),
	"application/fhir+xml":    fhirXML,
	"application/xml+fhir":    fhirXML,
	"application/xml":         newMedia(codecXML, "application/xml"),
	"text/xml":                newMedia(codecXML, "text/xml"),
	"application/fhir+ndjson": ndjson,
	"application/ndjson":      newMedia(codecNDJSON, "application/ndjson"),
	"application/x-ndjson":    newMedia(codecNDJSON, "application/x-ndjson"),
	"text/html":               anyJSON,
	"application/xhtml+xml":   anyJSON,
	"*/*":                     anyJSON,
	"application/*":           anyJSON,
	"text/*":                  anyJSON,
	"*":                       anyJSON, // what old Java clients send
}

// formatCodes are the short values of _format.
var formatCodes = map[string]*media{"json": fhirJSON, "xml": fhirXML, "ndjson": ndjson, "html": anyJSON}

var defaultFormat = format{media: anyJSON}

// negotiate finds the format of the answer: _format, where given, wins over Accept. NDJSON is
// offered where lists is set. The error is 406 and lists what there is.
func negotiate(header http.Header, q query, lists bool) (format, error) {
	if q.format != "" {
		chosen := byFormat(q.format)
		if chosen == nil || chosen.codec == codecNDJSON && !lists {
			return defaultFormat, unacceptable("_format", q.format, lists)
		}
		return format{chosen, q.pretty}, nil
	}
	accept, stated := header["Accept"]
	if !stated {
		return format{anyJSON, q.pretty}, nil
	}
	chosen := byAccept(accept, lists)
	if chosen == nil && strings.Trim(strings.Join(accept, ""), " \t,") == "" {
		chosen = anyJSON // a list without members asks for nothing
	}
	if chosen == nil {
		return defaultFormat, unacceptable("Accept", strings.Join(accept, ", "), lists)
	}
	return format{chosen, q.pretty}, nil
}

// byFormat reads a value of _format. A "+" that the client did not escape has become a space.
func byFormat(value string) *media {
	if m := formatCodes[value]; m != nil {
		return m
	}
	name, version, _ := mediaType(strings.ReplaceAll(strings.TrimSpace(value), " ", "+"))
	if !isR4(version) {
		return nil
	}
	return mediaTypes[name]
}

// byAccept chooses by quality; among equals a named type before a wildcard, then the first
// (https://www.rfc-editor.org/rfc/rfc9110#name-accept). nil when nothing fits.
func byAccept(accept []string, lists bool) (best *media) {
	if len(accept) == 1 {
		if m := mediaTypes[accept[0]]; m != nil && (m.codec != codecNDJSON || lists) {
			return m
		}
	}
	var bestQ, wildQ float64
	var refused [codecNDJSON + 1]bool
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			name, version, q := mediaType(part)
			m := mediaTypes[name]
			switch {
			case m == nil || !isR4(version) || m.codec == codecNDJSON && !lists:
			case strings.HasSuffix(name, "*"):
				wildQ = max(wildQ, q)
			case q == 0:
				refused[m.codec] = true
			case q > bestQ:
				best, bestQ = m, q
			}
		}
	}
	switch {
	case wildQ <= bestQ:
		return best
	case !refused[codecJSON]:
		return anyJSON
	case !refused[codecXML]:
		return anyXML
	}
	return nil
}

// mediaType splits "application/fhir+json; fhirVersion=4.0; q=0.5".
func mediaType(s string) (name, version string, q float64) {
	q = 1
	name, parameters, more := strings.Cut(s, ";")
	for more {
		var p string
		p, parameters, more = strings.Cut(parameters, ";")
		key, value, _ := strings.Cut(p, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "q":
			if given, err := strconv.ParseFloat(value, 64); err == nil && given >= 0 && given <= 1 {
				q = given
			}
		case "fhirversion":
			version = value
		}
	}
	return strings.ToLower(strings.TrimSpace(name)), version, q
}

// isR4 checks the fhirVersion parameter: https://hl7.org/fhir/R4/versioning.html#mt-version
func isR4(version string) bool { return version == "" || version == "4.0" || version == "4.0.1" }

func unacceptable(where, value string, lists bool) error {
	offered, short := "application/fhir+json, application/fhir+xml", "json, xml"
	if lists {
		offered, short = offered+", application/fhir+ndjson", short+", ndjson"
	}
	return outcome.New(outcome.NotSupported, "%s asks for %q; this answer is written as %s (or their short forms %s), of FHIR version 4.0.",
		where, clip(value), offered, short).In(outcome.StageUnacceptable)
}

// contentCodec is the codec of a request body with this Content-Type.
func contentCodec(contentType string) (codec, error) {
	name, version, _ := mediaType(contentType)
	if m, ok := mediaTypes[name]; ok && !m.outputOnly && m.codec != codecNDJSON {
		switch {
		case !isR4(version):
			return 0, outcome.New(outcome.NotSupported, "The body is of FHIR version %q; this server reads 4.0.", clip(version)).In(outcome.StageUnsupportedMedia)
		case !isUTF8(contentType):
			return 0, outcome.New(outcome.NotSupported, "FHIR bodies are in UTF-8; Content-Type says %q.", clip(contentType)).In(outcome.StageUnsupportedMedia)
		}
		return m.codec, nil
	}
	if name == "" {
		return 0, outcome.New(outcome.NotSupported, "The request has a body but no Content-Type; expected application/fhir+json or application/fhir+xml.").In(outcome.StageUnsupportedMedia)
	}
	return 0, outcome.New(outcome.NotSupported, "The Content-Type %q is not read here; expected application/fhir+json or application/fhir+xml.", clip(name)).In(outcome.StageUnsupportedMedia)
}

// isUTF8 reports whether a Content-Type states no charset other than UTF-8 or its subset.
func isUTF8(contentType string) bool {
	_, parameters, _ := strings.Cut(contentType, ";")
	for p := range strings.SplitSeq(parameters, ";") {
		key, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), "charset") {
			switch strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`)) {
			case "utf-8", "utf8", "us-ascii":
			default:
				return false
			}
		}
	}
	return true
}

// clip bounds what an answer repeats of a request.
func clip(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
