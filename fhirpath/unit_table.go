package fhirpath

// The units that FHIRPath here knows, as UCUM 2.1 defines them (https://ucum.org/ucum): SI, the
// units of time, volume, temperature and pressure that clinical measurements come in, and the
// customary ones of the United States. The whole of UCUM is the terminology service's matter;
// a quantity in another unit still equals one in the same unit.

var baseUnits = [...]string{"m", "s", "g", "rad", "K", "C", "cd"}

// metric units take prefixes.
var metric = map[string]bool{
	"m": true, "s": true, "g": true, "rad": true, "K": true, "C": true, "cd": true, "mol": true, "sr": true, "Hz": true, "N": true,
	"Pa": true, "J": true, "W": true, "A": true, "V": true, "F": true, "Ohm": true, "S": true, "Wb": true, "T": true, "H": true,
	"lm": true, "lx": true, "Bq": true, "Gy": true, "Sv": true, "l": true, "L": true, "ar": true, "t": true, "bar": true,
	"u": true, "cal": true, "m[Hg]": true, "m[H2O]": true, "eq": true, "osm": true, "kat": true, "U": true, "pc": true, "[g]": true,
}

var prefixes = map[string]int{
	"Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
	"d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}

// definedUnits are in terms of those before them. A value in a unit with an offset is
// (value + offset) × value-of-the-row in the other unit.
var definedUnits = [...]struct{ symbol, value, unit, offset string }{
	{"10*", "10", "1", ""},
	{"10^", "10", "1", ""},
	{"%", "1/100", "1", ""},
	{"[ppth]", "1/1000", "1", ""},
	{"[ppm]", "1/1000000", "1", ""},
	{"[ppb]", "1/1000000000", "1", ""},
	{"[pptr]", "1/1000000000000", "1", ""},
	{"[pi]", "3.1415926535897932384626433832795028841971693993751058209749445923", "1", ""},
	{"mol", "6.0221367", "10*23", ""},
	{"eq", "1", "mol", ""},
	{"osm", "1", "mol", ""},
	{"sr", "1", "rad2", ""},
	{"deg", "2/360", "[pi].rad", ""},
	{"min", "60", "s", ""},
	{"h", "60", "min", ""},
	{"d", "24", "h", ""},
	{"wk", "7", "d", ""},
	{"a_j", "365.25", "d", ""},
	{"a", "1", "a_j", ""},
	{"mo_j", "1/12", "a_j", ""},
	{"mo", "1", "mo_j", ""},
	{"Hz", "1", "s-1", ""},
	{"N", "1", "kg.m/s2", ""},
	{"Pa", "1", "N/m2", ""},
	{"J", "1", "N.m", ""},
	{"W", "1", "J/s", ""},
	{"A", "1", "C/s", ""},
	{"V", "1", "J/C", ""},
	{"F", "1", "C/V", ""},
	{"Ohm", "1", "V/A", ""},
	{"S", "1", "Ohm-1", ""},
	{"Wb", "1", "V.s", ""},
	{"T", "1", "Wb/m2", ""},
	{"H", "1", "Wb/A", ""},
	{"lm", "1", "cd.sr", ""},
	{"lx", "1", "lm/m2", ""},
	{"Bq", "1", "s-1", ""},
	{"Gy", "1", "J/kg", ""},
	{"Sv", "1", "J/kg", ""},
	{"l", "1", "dm3", ""},
	{"L", "1", "l", ""},
	{"ar", "100", "m2", ""},
	{"t", "1000", "kg", ""},
	{"u", "1.6605402e-24", "g", ""},
	{"bar", "100000", "Pa", ""},
	{"[g]", "9.80665", "m/s2", ""},
	{"m[H2O]", "9.80665", "kPa", ""},
	{"m[Hg]", "133.322", "kPa", ""},
	{"cal", "4.184", "J", ""},
	{"[Cal]", "1", "kcal", ""},
	{"kat", "1", "mol/s", ""},
	{"U", "1", "umol/min", ""},
	{"pc", "3.085678e16", "m", ""},
	{"[in_i]", "2.54", "cm", ""},
	{"[ft_i]", "12", "[in_i]", ""},
	{"[yd_i]", "3", "[ft_i]", ""},
	{"[mi_i]", "5280", "[ft_i]", ""},
	{"[gr]", "64.79891", "mg", ""},
	{"[lb_av]", "7000", "[gr]", ""},
	{"[oz_av]", "1/16", "[lb_av]", ""},
	{"[stone_av]", "14", "[lb_av]", ""},
	{"[lbf_av]", "1", "[lb_av].[g]", ""},
	{"[psi]", "1", "[lbf_av]/[in_i]2", ""},
	{"[gal_us]", "231", "[in_i]3", ""},
	{"[qt_us]", "1/4", "[gal_us]", ""},
	{"[pt_us]", "1/2", "[qt_us]", ""},
	{"[foz_us]", "1/16", "[pt_us]", ""},
	{"[tbs_us]", "1/2", "[foz_us]", ""},
	{"[tsp_us]", "1/3", "[tbs_us]", ""},
	{"[cup_us]", "16", "[tbs_us]", ""},
	{"Cel", "1", "K", "273.15"},
	{"[degF]", "5/9", "K", "459.67"},
}

// curvedUnits measure on a logarithm or another curve: their numbers can be compared, but
// neither added nor multiplied. https://ucum.org/ucum#section-Special-Units-on-non-ratio-Scales
var curvedUnits = map[string]bool{
	"B": true, "dB": true, "Np": true, "[pH]": true, "bit_s": true, "B[SPL]": true, "B[V]": true, "B[mV]": true, "B[uV]": true,
	"B[W]": true, "B[kW]": true, "[p'diop]": true, "%[slope]": true, "[hp'_X]": true, "[hp'_C]": true, "[hp'_M]": true, "[hp'_Q]": true,
	"[m/s2/Hz^0.5]": true, "[degRe]": true,
}
