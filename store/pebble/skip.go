package pebble

// skip passes over a value that is part of a composite, without making it.
func (r *unpacker) skip() {
	switch r.byte() {
	case packedString:
		if r.byte() == foldedApart {
			r.bytes()
		}
		r.bytes()
	case packedToken:
		r.skipToken()
	case packedReference:
		r.skipReference()
	case packedDate:
		r.varint()
		r.varint()
	case packedNumber:
		r.skipNumber()
	case packedQuantity:
		r.uvarint()
		r.skipNumber()
	case packedURI:
		r.bytes()
	default:
		r.fail()
	}
}

func (r *unpacker) skipToken() {
	r.uvarint()
	r.bytes()
	r.bytes()
	if r.byte() != 0 {
		r.uvarint()
		r.bytes()
	}
}

func (r *unpacker) skipReference() {
	parts := r.byte()
	if parts&referenceID != 0 {
		r.uvarint()
		r.rawID()
	}
	if parts&referenceURL != 0 {
		r.bytes()
	}
	if parts&referenceVersion != 0 {
		r.bytes()
	}
	if parts&referenceIdentifier != 0 {
		r.skipToken()
	}
}

func (r *unpacker) skipNumber() {
	parts := r.byte()
	if parts&numberLow != 0 {
		r.varint()
		r.bytes()
	}
	if parts&numberSame == 0 && parts&numberHigh != 0 {
		r.varint()
		r.bytes()
	}
}

// rawID is an id as appendID wrote it.
func (r *unpacker) rawID() []byte {
	before := r.rest
	switch r.byte() {
	case idUUID:
		if len(r.rest) >= packedUUID {
			r.rest = r.rest[packedUUID:]
			return before[:1+packedUUID]
		}
	case idText:
		if _, rest, ok := readText(r.rest); ok {
			r.rest = rest
			return before[:len(before)-len(rest)]
		}
	}
	r.fail()
	return nil
}

// packedUUID is how many bytes a UUID takes after its mark.
const packedUUID = 16
