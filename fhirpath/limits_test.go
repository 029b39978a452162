package fhirpath_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/outcome"
)

func TestLimits(t *testing.T) {
	patient := tablePatient(t)
	numbers := "(0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9)"
	nested := "1"
	for range 12 {
		nested = numbers + ".select(" + nested + ")"
	}
	for name, source := range map[string]string{
		"nested iterations are stopped by the steps":        nested + ".count()",
		"an endless repeat is stopped by the items":         "1.repeat($this + 1)",
		"an endless repeatAll is stopped by the items":      "1.repeatAll($this)",
		"doubling a text is stopped by its size":            numbers + ".combine(" + numbers + ").combine(" + numbers + ").aggregate($total & $total, 'abcdefgh')",
		"doubling by replace is stopped by its size":        numbers + ".combine(" + numbers + ").aggregate($total.replace('a', 'aaaa'), 'a')",
		"doubling by replaceMatches is stopped by its size": numbers + ".combine(" + numbers + ").aggregate($total.replaceMatches('a', 'aaaa'), 'a')",
		"doubling by join is stopped by its size":           numbers + ".combine(" + numbers + ").combine(" + numbers + ").aggregate($total.combine($total).join('x'), 'abcdefgh')",
		"multiplying collections is stopped":                numbers + ".combine(" + numbers + ").aggregate($total.combine($total).combine($total), 1)",
		"splitting a text is stopped by the items":          numbers + ".aggregate($total.select(replace('', 'a')), 'aaaaaaaaaa').toChars().combine(%context.descendants()).repeatAll($this)",
	} {
		t.Run(name, func(t *testing.T) {
			x, err := fhirpath.Compile(source)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			env := &fhirpath.Environment{MaxSteps: fhirpath.DefaultMaxSteps / 10, MaxItems: fhirpath.DefaultMaxItems / 10, MaxText: fhirpath.DefaultMaxText / 10}
			result, err := x.Evaluate(context.Background(), patient, env)
			if !outcome.Is(err, outcome.TooCostly) {
				t.Fatalf("gave %d items and %v, expected too-costly", len(result), err)
			}
			t.Logf("stopped after %v: %v", time.Since(began).Round(time.Millisecond), err)
		})
	}
}

func TestContextEndsAnEvaluation(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := fhirpath.MustCompile("descendants().count()").Evaluate(ctx, tablePatient(t), nil)
	if !outcome.Is(err, outcome.TooCostly) || !errors.Is(err, context.Canceled) {
		t.Errorf("gave %v, expected too-costly because of the context", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	env := &fhirpath.Environment{Trace: func(string, fhirpath.Collection) { cancel() }}
	x := fhirpath.MustCompile("trace('stop').descendants().select(descendants().count()).count()")
	if _, err := x.Evaluate(ctx, tablePatient(t), env); !outcome.Is(err, outcome.TooCostly) {
		t.Errorf("gave %v, expected too-costly once the context had ended", err)
	}
}

func TestHostileExpressions(t *testing.T) {
	const size = 1 << 20
	for name, source := range map[string]string{
		"too long":             strings.Repeat("1", size+1),
		"parentheses":          strings.Repeat("(", size),
		"closed parentheses":   strings.Repeat("(", size/2-1) + "1" + strings.Repeat(")", size/2-1),
		"signs":                strings.Repeat("-", size-1) + "1",
		"calls in calls":       strings.Repeat("a(", size/2),
		"indexes in indexes":   strings.Repeat("a[", size/2),
		"a chain of members":   "a" + strings.Repeat(".a", size/2-1),
		"a chain of calls":     "a" + strings.Repeat(".not()", size/6-1),
		"a chain of indexes":   "a" + strings.Repeat("[0]", size/3-1),
		"a chain of sums":      "1" + strings.Repeat("+1", size/2-1),
		"a chain of ands":      "a" + strings.Repeat(" and a", size/6-1),
		"a chain of types":     "a" + strings.Repeat(" is a", size/5-1),
		"nested unions":        strings.Repeat("(1|", size/4) + "1" + strings.Repeat(")", size/4),
		"braces":               strings.Repeat("{", size),
		"an open string":       "'" + strings.Repeat("\\", size-1),
		"an open comment":      "/*" + strings.Repeat("/", size-2),
		"a large number":       strings.Repeat("9", size),
		"a large decimal":      "0." + strings.Repeat("9", size-2),
		"a large pattern":      "'a'.matches('" + strings.Repeat("(a", 4000) + "')",
		"a pattern that grows": "'a'.matches('((((a{1,1000}){1,1000}){1,1000}){1,1000})')",
	} {
		t.Run(name, func(t *testing.T) {
			x, err := fhirpath.Compile(source)
			if err == nil {
				t.Fatalf("was compiled: %.50s", x)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestLongUnionsAreFlat(t *testing.T) {
	x, err := fhirpath.Compile("gender" + strings.Repeat(" | Observation.code", 50_000))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := x.Evaluate(context.Background(), tablePatient(t), nil); err != nil || len(got) != 1 {
		t.Errorf("gave %v, %v", got, err)
	}
}

func TestExpressionsAreSafeForConcurrentUse(t *testing.T) {
	patient := tablePatient(t)
	x := fhirpath.MustCompile("name.where(given contains 'Ada').select(given.join(' ') & ' ' & family) | telecom.sort(-rank).value")
	want, err := x.Evaluate(context.Background(), patient, nil)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				got, err := x.Evaluate(context.Background(), patient, nil)
				if err != nil || string(got.AppendJSON(nil)) != string(want.AppendJSON(nil)) {
					t.Errorf("gave %s, %v", got.AppendJSON(nil), err)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestLargeNumbersStayCheap(t *testing.T) {
	d := parse(t, []byte(`{"resourceType":"Observation","valueQuantity":{"value":1e2000,"system":"http://unitsofmeasure.org","code":"mg"},
		"component":[{"valueQuantity":{"value":1e-2000,"system":"http://unitsofmeasure.org","code":"g"}}]}`))
	observation, err := d.Resource()
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{
		"value = component.value", "value ~ component.value", "value > component.value", "value + component.value", "value * value",
		"value / component.value", "value.value * value.value * value.value * value.value", "value.value.power(5000)", "value.value.exp()",
		"value.value.ln()", "value.value.sqrt()", "value.value.round(100)", "value.value.toString()", "value.value mod 3", "value.value div 3",
		"value.value.lowBoundary()", "component.value.value.highBoundary()", "value.toQuantity('kg')", "@2024 + value", "value.value.truncate()",
		"(value.value | component.value.value).sum()", "value.value.toInteger()", "value.value in (1 | 2 | component.value.value)",
	} {
		began := time.Now()
		_, err := fhirpath.MustCompile(source).Evaluate(context.Background(), observation, nil)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s took %v (%v)", source, took, err)
		}
	}
}

func TestZeroInputIsEmpty(t *testing.T) {
	got, err := fhirpath.MustCompile("name.empty() and $this.empty() and %resource.empty() and %context.empty()").
		Evaluate(context.Background(), resources.Element{}, nil)
	if value, ok := got.Truth(); err != nil || !value || !ok {
		t.Errorf("gave %v, %v", got, err)
	}
}

func TestLargeSetsCompareAllKinds(t *testing.T) {
	var strs, numbers strings.Builder
	for i := range 60 {
		fmt.Fprintf(&strs, "'s%d' | ", i)
		fmt.Fprintf(&numbers, "%d.0 | %d | ", i, i)
	}
	patient := tablePatient(t)
	for source, want := range map[string]string{
		"(" + strs.String() + "'s5' | 's60').count()":                           "[61]",
		"(" + numbers.String() + "5.00 | 60).count()":                           "[61]",
		"(" + strs.String() + numbers.String() + "true | false | true).count()": "[122]",
		"(" + strs.String() + "5 | 5 '1' | @2024 | @2024 | @2024-05).count()":   "[63]",
		"(" + numbers.String() + "'a') contains 7 '1'":                          "[true]",
		"(" + strs.String() + "name).combine(name).distinct().count()":          "[63]",
		"(" + strs.String() + "name).intersect(name[1] | 's7').count()":         "[2]",
		"(" + strs.String() + "name).exclude(name[1] | 's7').count()":           "[61]",
		"('s7' | name[1]).subsetOf(" + strs.String() + "name)":                  "[true]",
		"('s7' | name[1] | 1).subsetOf(" + strs.String() + "name)":              "[false]",
	} {
		got, err := evaluate(source, patient)
		if err != nil || got != want {
			t.Errorf("…%s gave %s (%v), expected %s", source[max(0, len(source)-60):], got, err, want)
		}
	}
}

func TestManyItemsTakeLinearTime(t *testing.T) {
	src := []byte(`{"resourceType":"Questionnaire","item":[`)
	for i := range 20_000 {
		src = fmt.Appendf(src, `{"linkId":"q%d"},`, i)
	}
	questionnaire, err := parse(t, append(src, `{"linkId":"q7"}]}`...)).Resource()
	if err != nil {
		t.Fatal(err)
	}
	got, err := evaluateWith(&fhirpath.Environment{}, "descendants().linkId.isDistinct() | descendants().linkId.distinct().count()", questionnaire)
	if err != nil || got != "[false,20000]" {
		t.Errorf("gave %s, %v", got, err)
	}
}
