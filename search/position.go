package search

import (
	"math"

	"kiln/resources"
	"kiln/resources/datatypes"
	"kiln/resources/ucum"
)

// earthRadius is the mean radius of the Earth in metres: R1 of GRS 80, as the International Union of
// Geodesy and Geophysics has it.
const earthRadius = 6_371_008.8

// DefaultDistance is what near searches within when it names no distance, in metres. R4 leaves it to
// the server: https://hl7.org/fhir/R4/location.html#near
const DefaultDistance = 50_000

// Nearby reports whether the parameter compares positions by their distance, as Location.near does.
func (p *Parameter) Nearby() bool {
	return p.Type == TypeSpecial && p.Definition != nil && p.Definition.Usage == "nearby"
}

// Match reports whether v is no further from the position of c than its distance. An engine lowers it
// to the ranges of Boxes and tests what it finds there.
func (c PositionCriterion) Match(v PositionValue) bool {
	// No way is shorter than that along a meridian; a metre is more than floats are wrong by.
	if meridian := earthRadius * radians(math.Abs(c.Latitude-v.Latitude)); meridian > c.Within+1 {
		return false
	}
	return c.Distance(v) <= c.Within
}

// Distance is the length of the great circle between two positions in metres, on a sphere with the
// mean radius of the Earth, by the haversine formula. All longitudes of a pole are one position, and so
// are 180 and -180 degrees.
func (v PositionValue) Distance(to PositionValue) float64 {
	north := math.Sin(radians(to.Latitude-v.Latitude) / 2)
	east := math.Sin(radians(math.Remainder(to.Longitude-v.Longitude, 360)) / 2)
	square := north*north + cosine(v.Latitude)*cosine(to.Latitude)*east*east
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, square)))
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

// cosine is 0 at the poles, where that of a float is not.
func cosine(latitude float64) float64 {
	if math.Abs(latitude) == 90 {
		return 0
	}
	return math.Cos(radians(latitude))
}

// Box is the part of the Earth between two latitudes and two longitudes, in degrees, all included.
type Box struct{ South, North, West, East float64 }

// slack is what a box is made wider by on each side, in degrees, for what floats are not exact. It is
// about a metre.
const slack = 1e-5

// Boxes hold all positions that meet c, and others beside them: one box, or two where it reaches over
// the meridian of 180 degrees.
func (c PositionCriterion) Boxes() []Box {
	angle := c.Within / earthRadius
	reach := angle*180/math.Pi + slack
	b := Box{max(-90, c.Latitude-reach), min(90, c.Latitude+reach), -180, 180}
	if b.South == -90 || b.North == 90 {
		return []Box{b} // all longitudes meet at the pole
	}
	// The circle touches a meridian where its radius stands upright on it: sin(aside) = sin(angle) / cos(latitude).
	aside := math.Asin(min(1, math.Sin(angle)/math.Cos(radians(c.Latitude))))*180/math.Pi*(1+slack) + slack
	west, east := c.Longitude-aside, c.Longitude+aside
	switch {
	case east-west >= 360:
		return []Box{b}
	case west < -180:
		return []Box{{b.South, b.North, west + 360, 180}, {b.South, b.North, -180, east}}
	case east > 180:
		return []Box{{b.South, b.North, west, 180}, {b.South, b.North, -180, east - 360}}
	}
	return []Box{{b.South, b.North, west, east}}
}

// positionConverters make the values of nearby parameters:
// https://hl7.org/fhir/R4/location-definitions.html#Location.position
var positionConverters = map[string]func(*extraction, resources.Element){
	"Location.position": func(x *extraction, e resources.Element) {
		latitude, ok := degrees(e.First("latitude").Text(), 90)
		longitude, okToo := degrees(e.First("longitude").Text(), 180)
		if ok && okToo {
			x.add(PositionValue{latitude, longitude})
		}
	},
}

// degrees reads a decimal up to a most one and down to its negative.
func degrees(text string, most float64) (float64, bool) {
	d, err := datatypes.ParseDecimal(text)
	if err != nil {
		return 0, false
	}
	f, err := d.Float64()
	return f, err == nil && math.Abs(f) <= most
}

// readNear reads latitude|longitude|distance|units: https://hl7.org/fhir/R4/location.html#near
func readNear(_ *reader, text string) (Criterion, *refusal) {
	parts := splitEscaped(text, '|')
	for i, part := range parts {
		var bad *refusal
		if parts[i], bad = unescape(part); bad != nil {
			return nil, bad
		}
	}
	if len(parts) < 2 || len(parts) > 4 {
		return nil, refuse("%q has %s; expected latitude|longitude, latitude|longitude|distance or latitude|longitude|distance|units, as in 52.37|4.89|5|km", clip(text), countParts(parts))
	}
	latitude, ok := degrees(parts[0], 90)
	if !ok {
		return nil, refuse("%q is not a latitude; expected degrees from -90 to 90, as in 52.37|4.89|5|km", clip(parts[0]))
	}
	longitude, ok := degrees(parts[1], 180)
	if !ok {
		return nil, refuse("%q is not a longitude; expected degrees from -180 to 180, as in 52.37|4.89|5|km", clip(parts[1]))
	}
	within, bad := readDistance(append(parts[2:], "", "")[:2])
	if bad != nil {
		return nil, bad
	}
	return PositionCriterion{PositionValue{latitude, longitude}, within}, nil
}

// readDistance reads a distance and its unit, kilometres without one, and gives metres. Without a
// distance the unit means nothing.
func readDistance(parts []string) (metres float64, bad *refusal) {
	number, unit := parts[0], parts[1]
	if number == "" {
		return DefaultDistance, nil
	}
	if unit == "" {
		unit = "km"
	}
	d, err := datatypes.ParseDecimal(number)
	if err != nil || d.Negative && !d.IsZero() {
		return 0, refuse("%q is not a distance; expected a number that is not negative, as in 52.37|4.89|5|km", clip(number))
	}
	if !ucum.Commensurable(unit, "m") {
		return 0, refuse("%q is not a unit of length; expected a code of UCUM such as km, m, [mi_i] or [ft_i]", clip(unit))
	}
	if d, err = ucum.Convert(d, unit, "m"); err == nil {
		metres, err = d.Float64()
	}
	if err != nil {
		return 0, refuse("%q is a distance that cannot be computed with", clip(number))
	}
	return metres, nil
}
