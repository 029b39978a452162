package ucum_test

import (
	"testing"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/ucum"
)

func BenchmarkTable(b *testing.B) {
	for b.Loop() {
		ucum.ReadTable()
	}
}

func BenchmarkParseSeen(b *testing.B) {
	for b.Loop() {
		if _, err := ucum.Parse("mmol/(8.h.kg)"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseNew(b *testing.B) {
	code := []byte("mmol/(8.h.kg{aaaa})")
	for b.Loop() {
		for i := len(code) - 3; ; i-- { // counts in the annotation
			if code[i]++; code[i] <= 'z' {
				break
			}
			code[i] = 'a'
		}
		if _, err := ucum.Parse(string(code)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	for name, code := range map[string]string{"ratio": "mm[Hg]", "shift": "[degF]", "endless": "[ft_us]"} {
		b.Run(name, func(b *testing.B) {
			value := apd.New(986, -1)
			for b.Loop() {
				if _, _, err := ucum.Canonical(value, code); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkConvertScale(b *testing.B) {
	value := apd.New(74, -1)
	for b.Loop() {
		if _, err := ucum.Convert(value, "[pH]", "nmol/L"); err != nil {
			b.Fatal(err)
		}
	}
}
