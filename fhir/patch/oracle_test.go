package patch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"pgregory.net/rapid"

	"kiln/resources"
)

// TestRandomJSONPatchesAgreeWithAnotherImplementation draws documents and operations whose
// pointers often exist. There is no "test" among them: on lists of null the other one panics.
func TestRandomJSONPatchesAgreeWithAnotherImplementation(t *testing.T) {
	applied := 0
	rapid.Check(t, func(t *rapid.T) {
		value := drawValue(t, 3)
		text, places := encode(t, value), pointersOf(value, "")
		var operations []string
		for range rapid.IntRange(1, 4).Draw(t, "operations") {
			name := rapid.SampledFrom([]string{"add", "remove", "replace", "move", "copy"}).Draw(t, "op")
			operations = append(operations, fmt.Sprintf(`{"op":%q,"path":%q,"from":%q,"value":%s}`,
				name, drawPointer(t, places), drawPointer(t, places), encode(t, drawValue(t, 1))))
		}
		body := []byte("[" + strings.Join(operations, ",") + "]")

		doc, err := resources.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(JSON, body)
		if err != nil {
			t.Fatal(err)
		}
		root, ours := p.(*jsonPatch).apply(t.Context(), of(doc, 0))
		theirs, err := jsonpatch.DecodePatch(body)
		if err != nil {
			t.Fatal(err)
		}
		options := jsonpatch.NewApplyOptions()
		options.SupportNegativeIndices = false
		want, err := theirs.ApplyWithOptions(text, options)
		if known(body, ours, err) {
			return
		}
		if (ours == nil) != (err == nil) {
			t.Fatalf("%s\n%s\nours   %v\ntheirs %v", text, body, ours, err)
		}
		if ours == nil {
			applied++
			got := root.append(nil)
			g, errG := resources.Parse(got)
			w, errW := resources.Parse(want)
			if errG != nil || errW != nil || !resources.Equal(g, 0, w, 0) {
				t.Fatalf("%s\n%s\nours   %s\ntheirs %s", text, body, got, want)
			}
		}
	})
	t.Logf("%d patches were applied", applied)
	if applied == 0 && !testing.Short() { // a short run draws so few that all may be refused
		t.Error("no patch was applied")
	}
}

// known are the differences: the other implementation moves a value into itself and takes null
// for what is not there. Of the whole document it does not know what to make, so no pointer is
// drawn that means it.
func known(body []byte, ours, theirs error) bool {
	if ours == nil || theirs != nil {
		return false
	}
	return strings.Contains(ours.Error(), "into itself") || strings.Contains(string(body), `"value":null`)
}

func encode(t *rapid.T, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func drawValue(t *rapid.T, depth int) any {
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case kind == 0:
		return nil
	case kind == 1:
		return rapid.IntRange(0, 3).Draw(t, "number")
	case kind == 2 || depth == 0:
		return rapid.SampledFrom([]string{"", "x", "a"}).Draw(t, "text")
	case kind == 3:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range list {
			list[i] = drawValue(t, depth-1)
		}
		return list
	}
	object := map[string]any{}
	for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "0", "m~n"}), rapid.ID[string]).Draw(t, "names") {
		object[name] = drawValue(t, depth-1)
	}
	return object
}

// pointersOf lists the pointers to what is inside of a value.
func pointersOf(value any, at string) (pointers []string) {
	inside := func(token string, v any) {
		place := at + "/" + strings.ReplaceAll(token, "~", "~0")
		pointers = append(append(pointers, place), pointersOf(v, place)...)
	}
	switch value := value.(type) {
	case []any:
		for i, v := range value {
			inside(fmt.Sprint(i), v)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			inside(name, value[name])
		}
	}
	return pointers
}

// drawPointer draws one of the places there are, mostly, and else any.
func drawPointer(t *rapid.T, places []string) string {
	if len(places) > 0 && rapid.IntRange(0, 3).Draw(t, "existing") > 0 {
		return rapid.SampledFrom(places).Draw(t, "place")
	}
	var b strings.Builder
	for range rapid.IntRange(1, 3).Draw(t, "steps") {
		b.WriteByte('/')
		b.WriteString(rapid.SampledFrom([]string{"a", "b", "0", "1", "-", "m~0n"}).Draw(t, "token"))
	}
	return b.String()
}
