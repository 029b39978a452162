package rest

import (
	"net/http"
	"strconv"

	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/store"
)

// read answers https://hl7.org/fhir/R4/http.html#read, conditional reads included.
func read(x *exchange) error {
	key := x.key()
	if !validID(key.ID) {
		return absent(key)
	}
	v, err := x.service.Read(x.ctx, key)
	if err != nil {
		return err
	}
	return x.show(&v)
}

// vread answers https://hl7.org/fhir/R4/http.html#vread
func vread(x *exchange) error {
	key := x.key()
	version, err := strconv.ParseInt(x.parts.part[3], 10, 64)
	if err != nil || version < 1 || x.parts.part[3][0] < '1' || !validID(key.ID) { // "+1" and "01" are no versions
		return absent(key)
	}
	v, err := x.service.ReadVersion(x.ctx, key, version)
	if err != nil {
		return err
	}
	return x.show(&v)
}

// absent is the answer for what cannot exist, since no id has such a form.
func absent(key store.Key) error {
	return outcome.New(outcome.NotFound, "There is no %s with this id or version.", key.Type)
}

// show answers with a version, or with 304 when the client has it.
func (x *exchange) show(v *store.Version) error {
	same, err := notModified(x.r.Header, v.VersionID, v.LastUpdated)
	if err != nil {
		return err
	}
	if same {
		x.versioned(v)
		x.empty(http.StatusNotModified)
		return nil
	}
	if v.Type == "Binary" && !x.format.fhir {
		x.versioned(v)
		return x.sendContent(v)
	}
	body := v.Body
	if x.query.rest != "" {
		if body, err = x.subset(body); err != nil {
			return err
		}
	}
	x.versioned(v)
	return x.send(http.StatusOK, body)
}

// subset applies _summary and _elements.
func (x *exchange) subset(body []byte) ([]byte, error) {
	part, err := fhir.ParseSubset(x.query.parameter("_summary"), x.query.parameter("_elements"))
	if err != nil || part.IsZero() {
		return body, err
	}
	return part.Apply(body)
}
