package pebble

import (
	"encoding/binary"
	"math"

	"kiln/search"
)

// Positions are indexed by bands of latitude, and within a band by longitude, so that a box is a range of
// keys in each band that it touches. A band is about 14 km high: a search within that takes two or three
// ranges, which hold little beside what is found.

// bands is how many bands there are in a degree of latitude.
const bands = 8

// manyBands is up to how many bands a box is read as a range for each; a higher one is read as a whole,
// since leaping costs more than it spares.
const manyBands = 256

// band is the one of a latitude.
func band(latitude float64) uint16 { return uint16((latitude + 90) * bands) }

// position adds the key of a position.
func (l *keyList) position() {
	v := l.r.position()
	start := l.begin(indexPosition)
	l.arena = binary.BigEndian.AppendUint16(l.arena, band(v.Latitude))
	l.arena = appendOrdered(appendOrdered(l.arena, v.Longitude), v.Latitude)
	l.finish(start)
}

// near lowers the criterion to the ranges of its boxes; the keys tell the rest.
// https://hl7.org/fhir/R4/location.html#near
func (l lowering) near(c search.PositionCriterion) []scan {
	var scans []scan
	prefix := l.key(indexPosition)
	within := l.positions(func(v search.PositionValue) bool { return c.Match(v) })
	for _, box := range c.Boxes() {
		south, north := band(box.South), band(box.North)
		if north-south >= manyBands {
			scans = append(scans, scan{
				lower: binary.BigEndian.AppendUint16(clipped(prefix), south),
				upper: after(binary.BigEndian.AppendUint16(clipped(prefix), north)), judge: within,
			})
			continue
		}
		for at := south; at <= north; at++ {
			key := binary.BigEndian.AppendUint16(clipped(prefix), at)
			scans = append(scans, scan{
				lower: appendOrdered(clipped(key), box.West), upper: after(appendOrdered(clipped(key), box.East)), judge: within,
			})
		}
	}
	return scans
}

// positions judges keys by the position that they are of.
func (l lowering) positions(met func(search.PositionValue) bool) func(body []byte) verdict {
	return func(body []byte) verdict {
		body = l.body(body)
		if len(body) < 18 {
			return no
		}
		return sure(met(search.PositionValue{Longitude: readOrdered(body[2:]), Latitude: readOrdered(body[10:])}))
	}
}

// mostRanges bounds the ranges that the values of one test are lowered to.
const mostRanges = 1 << 13

// manyRanges reports whether a test would be lowered to more ranges than that.
func manyRanges(t search.Test) bool {
	ranges := 0
	for _, c := range t.Any {
		for _, box := range c.(search.PositionCriterion).Boxes() {
			if high := int(band(box.North)-band(box.South)) + 1; high <= manyBands {
				ranges += high
			}
		}
	}
	return ranges > mostRanges
}

// anywhere is the range of all positions.
func (l lowering) anywhere(t search.Test) scan {
	return whole(l.key(indexPosition), l.positions(func(v search.PositionValue) bool { return t.MatchValue(v) }))
}

// clipped is b with no room behind it, so that appending leaves others alone.
func clipped(b []byte) []byte { return b[:len(b):len(b)] }

func appendFloat(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}

// appendOrdered writes a float so that bytes compare as numbers do; -0 is 0.
func appendOrdered(b []byte, f float64) []byte {
	n := math.Float64bits(f)
	switch {
	case f == 0:
		n = 1 << 63
	case n>>63 == 0:
		n |= 1 << 63
	default:
		n = ^n
	}
	return binary.BigEndian.AppendUint64(b, n)
}

// readOrdered reads what appendOrdered wrote.
func readOrdered(b []byte) float64 {
	n := binary.BigEndian.Uint64(b)
	if n>>63 == 1 {
		return math.Float64frombits(n &^ (1 << 63))
	}
	return math.Float64frombits(^n)
}

// position reads a position; one that is none is damage.
func (r *unpacker) position() (v search.PositionValue) {
	if len(r.rest) < 16 {
		r.fail()
		return v
	}
	v.Latitude = math.Float64frombits(binary.BigEndian.Uint64(r.rest))
	v.Longitude = math.Float64frombits(binary.BigEndian.Uint64(r.rest[8:]))
	r.rest = r.rest[16:]
	if !(math.Abs(v.Latitude) <= 90 && math.Abs(v.Longitude) <= 180) {
		r.fail()
		return search.PositionValue{}
	}
	return v
}
