package search_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"kiln/search"
)

func place(latitude, longitude float64) search.PositionValue {
	return search.PositionValue{Latitude: latitude, Longitude: longitude}
}

func TestDistancesAreThoseOfGreatCircles(t *testing.T) {
	const degree = 6_371_008.8 * math.Pi / 180
	for _, c := range []struct {
		name string
		a, b search.PositionValue
		want float64
	}{
		{"a degree of the equator", place(0, 10), place(0, 11), degree},
		{"a degree of a meridian", place(52, 4), place(53, 4), degree},
		{"over the meridian of 180 degrees", place(0, 179.5), place(0, -179.5), degree},
		{"both names of that meridian", place(40, 180), place(40, -180), 0},
		{"longitudes of a pole", place(90, 20), place(90, -130), 0},
		{"over the pole", place(-89, 0), place(-89, 180), 2 * degree},
		{"the other side of the Earth", place(30, 40), place(-30, -140), 180 * degree},
		{"where it stands", place(52.37, 4.89), place(52.37, 4.89), 0},
		{"60 degrees aside at 60 degrees north", place(60, 0), place(60, 60), 2 * math.Asin(0.25) * 6_371_008.8},
	} {
		t.Run(c.name, func(t *testing.T) {
			there, back := c.a.Distance(c.b), c.b.Distance(c.a)
			if math.Abs(there-c.want) > 1e-3 || there != back || c.want == 0 && there != 0 {
				t.Errorf("it is %v m there and %v m back; want %v", there, back, c.want)
			}
		})
	}
}

func TestBoxesHoldAllThatIsNear(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	edge := []float64{-180, -179.9999, -90, -89.99999, 0, 1e-9, 45, 89.99999, 90, 179.9999, 180}
	degrees := func(most float64) float64 {
		if r.IntN(4) == 0 {
			return max(-most, min(most, edge[r.IntN(len(edge))]))
		}
		return (r.Float64()*2 - 1) * most
	}
	met := 0
	for range 200_000 {
		c := search.PositionCriterion{PositionValue: place(degrees(90), degrees(180))}
		v := place(degrees(90), degrees(180))
		if r.IntN(2) == 0 { // close together
			v = place(max(-90, min(90, c.Latitude+r.NormFloat64()/100)), max(-180, min(180, c.Longitude+r.NormFloat64()/100)))
		}
		if c.Within = c.Distance(v); r.IntN(3) == 0 {
			c.Within *= r.Float64() * 2
		}
		if !c.Match(v) {
			continue
		}
		met++
		inside := false
		for _, b := range c.Boxes() {
			inside = inside || b.South <= v.Latitude && v.Latitude <= b.North && b.West <= v.Longitude && v.Longitude <= b.East
		}
		if !inside {
			t.Fatalf("%v is within %v m of %v, but in none of %v", v, c.Within, c.PositionValue, c.Boxes())
		}
	}
	if met < 100_000 {
		t.Errorf("only %d positions were near", met)
	}
}

func TestBoxesOfSmallCirclesAreSmall(t *testing.T) {
	c := search.PositionCriterion{PositionValue: place(52.37, 4.89), Within: 5000}
	for _, b := range c.Boxes() {
		if b.North-b.South > 0.1 || b.East-b.West > 0.2 {
			t.Errorf("5 km take %v", b)
		}
	}
}

// at is a location, with members that JSON has for its position.
func at(t *testing.T, p *search.Parameters, position string) search.Resource {
	t.Helper()
	e := document(t, fmt.Sprintf(`{"resourceType":"Location","id":"l","position":{%s}}`, position))
	entries, err := p.Extract(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return search.Resource{Type: "Location", ID: "l", Entries: entries}
}

func TestNear(t *testing.T) {
	p := newParameters(t)
	here := `"latitude":52.37,"longitude":4.89,"altitude":2`
	for _, c := range []struct {
		name, position, query string
		want                  bool
	}{
		{"where it stands", here, "near=52.37|4.89|0|m", true},
		{"within kilometres", here, "near=52.47|4.89|11.12|km", true},
		{"beyond kilometres", here, "near=52.47|4.89|11.11|km", false},
		{"kilometres without a unit", here, "near=52.47|4.89|11.12", true},
		{"kilometres with an empty unit", here, "near=52.47|4.89|11.11|", false},
		{"within metres", here, "near=52.47|4.89|11120|m", true},
		{"within miles", here, "near=52.47|4.89|6.91|[mi_i]", true},
		{"beyond miles", here, "near=52.47|4.89|6.90|[mi_i]", false},
		{"within feet", here, "near=52.47|4.89|36483|[ft_i]", true},
		{"beyond feet", here, "near=52.47|4.89|36481|[ft_i]", false},
		{"within the distance that is usual", here, "near=52.8195|4.89", true},
		{"beyond the distance that is usual", here, "near=52.8197|4.89", false},
		{"an empty distance, with which the unit means nothing", here, "near=52.8195|4.89||kg", true},
		{"one of several", here, "near=0|0|1|km,52.37|4.89|1|km", true},
		{"none of several", here, "near=0|0|1|km,53.37|4.89|1|km", false},
		{"all of several", here, "near=52.37|4.88|1|km&near=52.37|4.90|1|km", true},
		{"not all of several", here, "near=52.37|4.88|1|km&near=52.37|4.91|1|km", false},
		{"the other side of the meridian of 180 degrees", `"latitude":-16.8,"longitude":179.99`, "near=-16.8|-179.99|3|km", true},
		{"the other side of the pole", `"latitude":89.99,"longitude":10`, "near=89.99|-170|3|km", true},
		{"a position", here, "near:missing=false", true},
		{"no position", `"altitude":2`, "near:missing=true", true},
		{"half a position", `"latitude":52.37`, "near:missing=true", true},
		{"a latitude that is none", `"latitude":90.5,"longitude":4`, "near:missing=true", true},
		{"a longitude that is none", `"latitude":50,"longitude":-180.5`, "near:missing=true", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, _, err := parse(t, p, "Location", c.query, search.ParseOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := q.Match(t.Context(), at(t, p, c.position), nil); err != nil || got != c.want {
				t.Errorf("%s of %s gives %v, %v", c.query, c.position, got, err)
			}
		})
	}
}
