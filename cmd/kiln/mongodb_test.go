package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"kiln/store/mongodb/peer"
)

var copiedBundles = flag.Int("mongodb.bundles", 1, "patients of Synthea, where the data is there, that are copied to the database and back")

// database is an empty one for servers in processes of their own.
type database struct {
	*testing.T
	url, name string
	client    *mongo.Client
	limited   bool // it lacks transactions
	env       []string
}

func newDatabase(t *testing.T) database {
	t.Helper()
	server := peer.Start(t)
	base, options, _ := strings.Cut(server.URL, "?")
	scheme, rest, _ := strings.Cut(base, "://")
	host, _, _ := strings.Cut(rest, "/")
	x := database{T: t, name: server.Database(t), client: server.Client(), limited: server.Limited}
	x.url = scheme + "://" + host + "/" + x.name
	if options != "" {
		x.url += "?" + options
	}
	if server.Limited {
		x.env = []string{"KILN_MONGODB_WITHOUT_TRANSACTIONS=true", "KILN_MONGODB_RAW_BYTES=true"}
	}
	return x
}

func (x database) serve(env ...string) child {
	x.Helper()
	return serveChild(x.T, x.url, slices.Concat(x.env, env)...)
}

// command runs a command of kiln with the settings of the database.
func (x database) command(args ...string) string {
	x.Helper()
	for _, pair := range x.env {
		name, value, _ := strings.Cut(pair, "=")
		x.Setenv(name, value)
	}
	return kiln(x.T, args...)
}

// send is a request that may be made by several goroutines; its error is that of the connection.
func send(method, url, body string, header ...string) (status int, text string, err error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	return response.StatusCode, string(all), err
}

// searched is a Bundle of matches.
type searched struct {
	Total int
	Link  []struct{ Relation, URL string }
	Entry []struct {
		Resource struct {
			ID, Gender           string
			MultipleBirthInteger int
			Meta                 struct{ VersionID string }
		}
	}
	Issue []struct{ Diagnostics string }
}

func (s searched) next() string {
	for _, link := range s.Link {
		if link.Relation == "next" {
			return link.URL
		}
	}
	return ""
}

// TestConditionalCreatesThroughTwoServers: whoever asks first makes the one resource, the others find it.
func TestConditionalCreatesThroughTwoServers(t *testing.T) {
	x := newDatabase(t)
	servers := []child{x.serve(), x.serve()}
	const each = 4
	for round := range 3 {
		number := fmt.Sprintf("http://ward.example.org/mrn|%d", round)
		body := fmt.Sprintf(`{"resourceType":"Patient","identifier":[{"system":"http://ward.example.org/mrn","value":"%d"}]}`, round)
		var created, found atomic.Int64
		var work sync.WaitGroup
		for i := range each * len(servers) {
			work.Go(func() {
				status, text, err := send(http.MethodPost, servers[i%2].base+"/Patient", body, "If-None-Exist", "identifier="+number)
				switch {
				case err == nil && status == http.StatusCreated:
					created.Add(1)
				case err == nil && status == http.StatusOK:
					found.Add(1)
				default:
					t.Errorf("%d %s %v", status, text, err)
				}
			})
		}
		work.Wait()
		if created.Load() != 1 || found.Load() != each*2-1 {
			t.Errorf("%d were created, %d found; expected one, found by all others", created.Load(), found.Load())
		}
		for _, server := range servers {
			var answer searched
			if server.get(t, "/Patient?identifier="+number, &answer); answer.Total != 1 {
				t.Errorf("%d are there; expected one", answer.Total)
			}
		}
	}
}

// TestUpdatesThroughTwoServers counts up with If-Match through both: each count is kept.
func TestUpdatesThroughTwoServers(t *testing.T) {
	x := newDatabase(t)
	servers := []child{x.serve(), x.serve()}
	counter := func(n int) string {
		return fmt.Sprintf(`{"resourceType":"Patient","id":"counter","multipleBirthInteger":%d}`, n)
	}
	if status, text, err := send(http.MethodPut, servers[0].base+"/Patient/counter", counter(0)); status != http.StatusCreated {
		t.Fatal(status, text, err)
	}
	const each = 5
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for done := 0; done < each; {
				base := servers[i%2].base + "/Patient/counter"
				_, text, err := send(http.MethodGet, base, "")
				var now struct {
					MultipleBirthInteger int
					Meta                 struct{ VersionID string }
				}
				if err != nil || json.Unmarshal([]byte(text), &now) != nil {
					t.Error(text, err)
					return
				}
				status, text, err := send(http.MethodPut, base, counter(now.MultipleBirthInteger+1), "If-Match", `W/"`+now.Meta.VersionID+`"`)
				switch status {
				case http.StatusOK:
					done++
				case http.StatusPreconditionFailed, http.StatusConflict:
				default:
					t.Error(status, text, err)
					return
				}
			}
		})
	}
	work.Wait()
	var history searched
	servers[1].get(t, "/Patient/counter/_history?_count=100", &history)
	if len(history.Entry) != 4*each+1 {
		t.Fatalf("%d versions; expected %d", len(history.Entry), 4*each+1)
	}
	for i, entry := range history.Entry {
		want := 4*each - i
		if entry.Resource.MultipleBirthInteger != want || entry.Resource.Meta.VersionID != strconv.Itoa(want+1) {
			t.Errorf("version %s counts %d; expected %d", entry.Resource.Meta.VersionID, entry.Resource.MultipleBirthInteger, want)
		}
	}
}

// TestPagingOverTwoServers takes each page from the other server, while what is listed is changed and
// more comes: the pages are those of the moment of the first.
func TestPagingOverTwoServers(t *testing.T) {
	x := newDatabase(t)
	servers := []child{x.serve(), x.serve()}
	const patients = 12
	for i := range patients {
		body := fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","gender":"female"}`, i)
		if status, text, err := send(http.MethodPut, fmt.Sprintf("%s/Patient/p%d", servers[0].base, i), body); status != http.StatusCreated {
			t.Fatal(status, text, err)
		}
	}
	var seen []string
	path := "/Patient?gender=female&_count=3"
	for turn := 0; path != ""; turn++ {
		var page searched
		if status := servers[turn%2].get(t, path, &page); status != http.StatusOK {
			t.Fatalf("page %d answers %d: %v", turn, status, page.Issue)
		}
		for _, entry := range page.Entry {
			seen = append(seen, entry.Resource.ID)
			if entry.Resource.Gender != "female" {
				t.Errorf("page %d shows what %s became after the first", turn, entry.Resource.ID)
			}
		}
		last := patients - 1 - turn
		for id, body := range map[string]string{
			fmt.Sprintf("new%d", turn): `{"resourceType":"Patient","id":"new%d","gender":"female"}`,
			fmt.Sprintf("p%d", last):   `{"resourceType":"Patient","id":"p%d","gender":"male"}`,
		} {
			n := turn
			if strings.HasPrefix(id, "p") {
				n = last
			}
			if status, text, err := send(http.MethodPut, servers[(turn+1)%2].base+"/Patient/"+id, fmt.Sprintf(body, n)); status >= 300 {
				t.Fatal(status, text, err)
			}
		}
		next := page.next()
		if _, query, ok := strings.Cut(next, "?"); ok {
			path = "/Patient?" + query
		} else {
			path = strings.TrimPrefix(next, servers[turn%2].base)
		}
	}
	var want []string
	for i := range patients {
		want = append(want, fmt.Sprintf("p%d", i))
	}
	if !slices.Equal(seen, want) { // in the order of creation
		t.Errorf("the pages list %v; expected %v", seen, want)
	}
}

// TestSearchParameterOfAnotherServer posts a definition at one server and searches by it at the other: that is
// refused until all is indexed, and right from then on.
func TestSearchParameterOfAnotherServer(t *testing.T) {
	x := newDatabase(t)
	servers := []child{x.serve(), x.serve()}
	const patients = 20
	for i := range patients {
		body := fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","extension":[{"url":"http://example.org/ward","valueCode":"w%d"}]}`, i, i%4)
		if status, text, err := send(http.MethodPut, fmt.Sprintf("%s/Patient/p%d", servers[0].base, i), body); status != http.StatusCreated {
			t.Fatal(status, text, err)
		}
	}
	if status, text, err := send(http.MethodPut, servers[0].base+"/SearchParameter/ward", wardDefinition); status != http.StatusCreated {
		t.Fatal(status, text, err)
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var answer searched
		switch status := servers[1].get(t, "/Patient?ward=w3", &answer); {
		case status == http.StatusOK && answer.Total == patients/4:
			if done, complete := servers[1].progress(t); !complete {
				t.Errorf("answered after %d, and not complete", done)
			}
			return
		case status != http.StatusBadRequest:
			t.Fatalf("%d with %d matches; expected 400 until all %d are found", status, answer.Total, patients/4)
		case time.Now().After(end):
			t.Fatal("the index does not become complete")
		}
	}
}

// ward is a transaction of two patients, of which there is never one alone.
func ward(id string) string {
	entry := func(suffix string) string {
		return fmt.Sprintf(`{"resource":{"resourceType":"Patient","id":"%s-%s"},"request":{"method":"PUT","url":"Patient/%s-%s"}}`, id, suffix, id, suffix)
	}
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + entry("a") + "," + entry("b") + `]}`
}

// TestKilledServer kills one of two servers amid transactions: the other goes on, and each transaction is there whole
// or not at all, those that were answered whole.
func TestKilledServer(t *testing.T) {
	x := newDatabase(t)
	killed, left := x.serve(), x.serve()
	var mu sync.Mutex
	answered := map[string]bool{}
	var work sync.WaitGroup
	for i := range 3 {
		work.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("k%d-%d", i, n)
				status, text, err := send(http.MethodPost, killed.base, ward(id))
				if err != nil {
					return
				}
				if status != http.StatusOK {
					t.Errorf("%d %s", status, text)
					return
				}
				mu.Lock()
				answered[id] = true
				mu.Unlock()
			}
		})
	}
	for enough := false; !enough; time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		enough = len(answered) >= 5
		mu.Unlock()
	}
	killed.kill(t)
	work.Wait()
	if status, text, err := send(http.MethodPost, left.base, ward("left")); status != http.StatusOK {
		t.Fatalf("the other server does not go on: %d %s %v", status, text, err)
	}
	there := map[string]int{}
	for path := "/Patient?_count=1000"; path != ""; {
		var page searched
		if status := left.get(t, path, &page); status != http.StatusOK {
			t.Fatal(status, page.Issue)
		}
		for _, entry := range page.Entry {
			id := entry.Resource.ID
			there[id[:len(id)-2]]++
		}
		path = strings.TrimPrefix(page.next(), left.base)
	}
	for id, n := range there {
		if n != 2 {
			t.Errorf("of the transaction %s %d of 2 resources are there", id, n)
		}
	}
	for id := range answered {
		if there[id] == 0 {
			t.Errorf("the transaction %s was answered and is gone", id)
		}
	}
}

// TestRollingRestartOnOneDatabase restarts both servers of a database, one after the other: no request fails, and
// all that was answered is there.
func TestRollingRestartOnOneDatabase(t *testing.T) {
	x := newDatabase(t)
	b := &balancer{client: http.DefaultClient, servers: map[string]bool{}}
	servers := []child{x.serve("KILN_DRAIN_DELAY=1s"), x.serve("KILN_DRAIN_DELAY=1s")}
	root := func(c child) string { return strings.TrimSuffix(c.base, "/fhir") }
	for _, server := range servers {
		b.set(root(server), true)
	}
	stop := make(chan struct{})
	var work sync.WaitGroup
	var created atomic.Int64
	forever := func(step func()) {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					step()
				}
			}
		})
	}
	forever(func() { b.look(); time.Sleep(50 * time.Millisecond) })
	for range 2 {
		forever(func() {
			status, text, err := send(http.MethodPost, b.pick()+"/fhir/Patient", `{"resourceType":"Patient"}`)
			if err != nil || status != http.StatusCreated {
				t.Errorf("a request failed: %d %s %v", status, text, err)
			}
			created.Add(1)
		})
	}
	for i, server := range servers {
		before := created.Load()
		if err := server.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := server.Wait(); err != nil {
			t.Errorf("SIGTERM ends the server with %v", err)
		}
		if created.Load() == before {
			t.Error("nothing was answered while one of two servers stopped")
		}
		b.mu.Lock()
		delete(b.servers, root(server))
		b.mu.Unlock()
		servers[i] = x.serve("KILN_DRAIN_DELAY=1s")
		b.set(root(servers[i]), true)
	}
	close(stop)
	work.Wait()
	var answer searched
	if servers[0].get(t, "/Patient?_summary=count", &answer); int64(answer.Total) != created.Load() {
		t.Errorf("%d patients are there; %d were answered", answer.Total, created.Load())
	}
}

// history is that of the whole server as it answers it, page by page, but for its address and what each page
// has of its own.
func (c child) history(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for path := "/_history?_count=200"; path != ""; {
		status, text, err := send(http.MethodGet, c.base+path, "")
		var page struct {
			searched
			Total int
			Entry []json.RawMessage
		}
		if err != nil || status != http.StatusOK || json.Unmarshal([]byte(text), &page) != nil {
			t.Fatal(status, text, err)
		}
		fmt.Fprintln(&all, page.Total)
		for _, entry := range page.Entry {
			all.WriteString(strings.ReplaceAll(string(entry), c.base, "") + "\n")
		}
		path = strings.TrimPrefix(page.next(), c.base)
	}
	return all.String()
}

// TestCopyThroughMongoDB copies a store with its history to a database and back, after which all three
// export the same, and tell the same history.
func TestCopyThroughMongoDB(t *testing.T) {
	x := newDatabase(t)
	dir := t.TempDir()
	from, back, input := filepath.Join(dir, "from"), filepath.Join(dir, "back"), filepath.Join(dir, "ward.json")
	server := serveChild(t, from)
	for _, step := range []struct{ method, path, body string }{
		{http.MethodPut, "/Patient/a", `{"resourceType":"Patient","id":"a","multipleBirthInteger":1}`},
		{http.MethodPut, "/Patient/a", `{"resourceType":"Patient","id":"a","multipleBirthInteger":2}`},
		{http.MethodPut, "/Patient/b", `{"resourceType":"Patient","id":"b"}`},
		{http.MethodDelete, "/Patient/b", ""},
		{http.MethodPut, "/Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/a"},"valueQuantity":{"value":1.10}}`},
	} {
		if status, text, err := send(step.method, server.base+step.path, step.body); status >= 300 || err != nil {
			t.Fatal(step.path, status, text, err)
		}
	}
	large := stream{name: "large"}
	for n := range int64(3) {
		if status, text, err := send(http.MethodPost, server.base, large.transaction(n+1)); status != http.StatusOK {
			t.Fatal(status, text, err)
		}
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Fatal(err)
	}
	kiln(t, "load", "--store", from, filepath.Join("..", "..", "testdata", "smoke", "admission.json"), filepath.Join("..", "..", "store", "mongodb", "testdata", "ward.ndjson"))
	if files, _ := filepath.Glob(filepath.Join(data, "synthea", "*.json.gz")); len(files) > 0 {
		kiln(t, append([]string{"load", "--store", from}, files[:min(*copiedBundles, len(files))]...)...)
	}
	if err := os.WriteFile(input, []byte(wardDefinition), 0o600); err != nil {
		t.Fatal(err)
	}
	kiln(t, "load", input, "--store", from)
	there := x.command("copy", "--from", from, "--to", x.url)
	if again := x.command("copy", "--from", x.url, "--to", back); again != there {
		t.Errorf("back: %s; expected %s", again, there)
	}
	for store, out := range map[string]string{from: "out1", x.url: "out2", back: "out3"} {
		x.command("export", filepath.Join(dir, out), "--store", store)
	}
	names, err := filepath.Glob(filepath.Join(dir, "out1", "*"))
	if err != nil || len(names) < 3 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		for _, other := range []string{"out2", "out3"} {
			want, err := os.ReadFile(name)
			got, err2 := os.ReadFile(filepath.Join(dir, other, filepath.Base(name)))
			if err != nil || err2 != nil || string(want) != string(got) {
				t.Errorf("%s of %s is other than what was copied (%v, %v)", filepath.Base(name), other, err, err2)
			}
		}
	}
	histories := map[string]string{from: "", back: "", x.url: ""}
	for store := range histories {
		server := serveChild(t, store, x.env...)
		histories[store] = server.history(t)
		server.kill(t)
	}
	if h := histories[from]; strings.Count(h, `"fullUrl"`) < 3*2*batch || h != histories[back] || h != histories[x.url] {
		t.Errorf("the histories are other than what was copied: %d, there %d, back %d bytes", len(h), len(histories[x.url]), len(histories[back]))
	}
	if out := kiln(t, "check", "--store", back); !strings.Contains(out, "the store is consistent") {
		t.Errorf("check: %s", out)
	}
}
