package searchtest

import (
	"fmt"
	"strconv"

	"kiln/resources/definitions"
	"kiln/search"
)

// latitudes and longitudes are of places close together and far apart, at the poles and on both sides of
// the meridian of 180 degrees; the last are none.
var (
	latitudes  = []string{"0", "52.37", "52.3702", "52.4", "-0.001", "-33.9", "89.9999", "90", "-90", "-89.5", "12", "91"}
	longitudes = []string{"0", "4.89", "4.8952", "5.1", "-0.001", "151.2", "179.999", "180", "-180", "-179.99", "-90", "181"}
	distances  = []string{"", "|0", "|0.02|km", "|5", "|30|[mi_i]", "|1000|[ft_i]", "|1.5e3|m", "|300|km", "|9999|km", "|20016|km"}
)

// position writes Location.position, at times with less than it must have.
func (w *writer) position(_ *definitions.Element, _ definitions.TypeRef) {
	w.raw(`{"longitude":` + pick(w.r, longitudes))
	if w.r.IntN(10) > 0 {
		w.raw(`,"latitude":` + pick(w.r, latitudes))
	}
	w.raw("}")
}

// nearText is a value of near: at a position that a resource has, beside it, or anywhere.
func (g generator) nearText(v search.Value) string {
	p, ok := v.(search.PositionValue)
	distance := pick(g.r, distances)
	if !ok {
		last := len(latitudes) - 1
		return pick(g.r, latitudes[:last]) + "|" + pick(g.r, longitudes[:last]) + distance
	}
	if g.r.IntN(2) == 0 && p.Latitude < 89 && p.Longitude < 179 {
		p.Latitude += g.r.Float64()
		p.Longitude += g.r.Float64()
		if g.r.IntN(2) == 0 { // right at the edge, as far as a decimal goes
			v, _ := v.(search.PositionValue)
			distance = "|" + strconv.FormatFloat(p.Distance(v), 'f', -1, 64) + "|m"
		}
	}
	return fmt.Sprintf("%v|%v%s", p.Latitude, p.Longitude, distance)
}
