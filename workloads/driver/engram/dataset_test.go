package engram

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/workloads/refstore"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// target is a reference store on a loopback port.
func target(t *testing.T, faults ...string) string {
	t.Helper()
	var ordered []refstore.Fault
	for _, text := range faults {
		f, err := refstore.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		ordered = append(ordered, f)
	}
	s, err := refstore.Open("", ordered)
	if err != nil {
		t.Fatal(err)
	}
	return listen(t, s)
}

func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// exchange sends a wire over a connection of its own and reads the answer.
func exchange(t *testing.T, addr string, wire []byte) (int, []byte) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(wire); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, body
}

// memories is how many a target holds in the driver's spaces.
func memories(t *testing.T, d *Driver, addr string) int {
	t.Helper()
	c := newClient(addr)
	defer c.close()
	n, err := c.count(t.Context(), d.spaces)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLoadAndVerify(t *testing.T) {
	for _, spaces := range []int{1, 3, 20} {
		s := small()
		s.Data.Spaces = spaces
		d, addr := driver(t, s), target(t)
		var empty *CountError
		if err := d.Verify(t.Context(), addr); !errors.As(err, &empty) || empty.Have != 0 || empty.Want != 300 {
			t.Errorf("%d spaces: before loading: %v", spaces, err)
		}
		var progress []int
		if err := d.Load(t.Context(), addr, func(done, total int) {
			if total != 300 {
				t.Errorf("total %d", total)
			}
			progress = append(progress, done)
		}); err != nil {
			t.Fatal(err)
		}
		if len(progress) != 300 || progress[0] != 1 || progress[299] != 300 {
			t.Errorf("%d spaces: progress %v", spaces, progress)
		}
		if err := d.Verify(t.Context(), addr); err != nil {
			t.Error(err)
		}
		if n := memories(t, d, addr); n != 300 {
			t.Errorf("%d spaces hold %d memories, want exactly 300", spaces, n)
		}
		for i, wire := range stores(d, 10) {
			if code, body := exchange(t, addr, wire); code != 201 {
				t.Fatalf("store %d: %d %s", i, code, body)
			}
		}
		var many *CountError
		if err := d.Verify(t.Context(), addr); !errors.As(err, &many) || many.Have != 310 {
			t.Errorf("%d spaces: after ten more: %v", spaces, err)
		}
	}
}

// stores are n requests that store.
func stores(d *Driver, n int) (wires [][]byte) {
	for _, r := range d.Round(0, 10*n) {
		if r.Operation == 0 && len(wires) < n {
			wires = append(wires, r.Wire)
		}
	}
	return wires
}

// A target must do with the driver's requests what the API promises.
func TestConformance(t *testing.T) {
	s := small()
	s.Data.Spaces = 2
	d, addr := driver(t, s), target(t)
	if err := d.Load(t.Context(), addr, nil); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, r := range d.Round(1, 200) {
		code, body := exchange(t, addr, r.Wire)
		name := d.Operations()[r.Operation]
		counts[name]++
		if name == scenario.Store {
			checkStored(t, code, body, r.Wire)
			continue
		}
		checkRecalled(t, name, code, body, r.Wire)
	}
	if diff := cmp.Diff(map[string]int{"store": 70, "recall": 70, "embedding_search": 60}, counts); diff != "" {
		t.Error(diff)
	}
	if n := memories(t, d, addr); n != 370 {
		t.Errorf("%d memories, want the 300 loaded and the 70 stored", n)
	}
}

// checkStored checks the answer to a store.
func checkStored(t *testing.T, code int, body, wire []byte) {
	t.Helper()
	var answer struct {
		ID         string `json:"memory_id"`
		Confidence struct {
			Value float64 `json:"value"`
		} `json:"storage_confidence"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || code != http.StatusCreated {
		t.Fatalf("store: %d %s, %v", code, body, err)
	}
	if !bytes.Contains(wire, []byte(`"id":"`+answer.ID+`"`)) {
		t.Errorf("stored as %s: a duplicate? %.200s", answer.ID, wire)
	}
	if answer.Confidence.Value < 0.7 || answer.Confidence.Value >= 1 {
		t.Errorf("stored with confidence %v, want 0.7 to 1", answer.Confidence.Value)
	}
}

// checkRecalled checks the answer to a recall: something is found, in the order of
// scores, split at 0.7; a text recall's best contains the cue.
func checkRecalled(t *testing.T, name string, code int, body, wire []byte) {
	t.Helper()
	type memory struct {
		ID      string  `json:"id"`
		Content string  `json:"content"`
		Score   float64 `json:"similarity_score"`
	}
	var answer struct {
		Memories struct {
			Vivid      []memory `json:"vivid"`
			Associated []memory `json:"associated"`
		} `json:"memories"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || code != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", name, code, body, err)
	}
	all := append(answer.Memories.Vivid, answer.Memories.Associated...)
	if len(answer.Memories.Vivid) == 0 || len(all) > 10 {
		t.Fatalf("%s: %d vivid, %d in all: %s", name, len(answer.Memories.Vivid), len(all), wire)
	}
	for i, m := range all {
		if vivid := i < len(answer.Memories.Vivid); vivid != (m.Score > 0.7) || i > 0 && m.Score > all[i-1].Score || m.Score < 0.2 {
			t.Errorf("%s: score %v at place %d", name, m.Score, i)
		}
	}
	if name == scenario.Recall {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
		if err != nil {
			t.Fatal(err)
		}
		cue := r.URL.Query().Get("query")
		if strings.Count(cue, " ") != 3 || !contains(cue, answer.Memories.Vivid, func(m memory) string { return m.Content }) {
			t.Errorf("cue %q found %+v", cue, answer.Memories.Vivid)
		}
	}
}

// contains says whether some item's text has a part. Spreading may lift other
// memories to the same score, so the match need not be the first.
func contains[T any](part string, items []T, text func(T) string) bool {
	for _, item := range items {
		if strings.Contains(text(item), part) {
			return true
		}
	}
	return false
}

// A target whose errors come now and then can still be loaded.
func TestLoadRepeatsServerErrors(t *testing.T) {
	d, addr := driver(t, small()), target(t, "errors=1%")
	if err := d.Load(t.Context(), addr, nil); err != nil {
		t.Fatal(err)
	}
	if n := memories(t, d, addr); n != 300 {
		t.Errorf("%d memories, want 300", n)
	}
}

func TestLoadGivesUp(t *testing.T) {
	for code, want := range map[int]int{500: attempts, 400: 1} {
		requests := 0
		addr := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests++
			http.Error(w, "no\nmemory\n"+strings.Repeat("x", 1000), code)
		}))
		err := driver(t, small()).Load(t.Context(), addr, nil)
		var status *StatusError
		if !errors.As(err, &status) || status.Status != code || status.Request != "POST /api/v1/spaces" ||
			!strings.HasPrefix(status.Body, "no memory x") || len(status.Body) > 310 {
			t.Errorf("%d: error %v", code, err)
		}
		if requests != want {
			t.Errorf("%d: %d requests, want %d", code, requests, want)
		}
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	addr := target(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	err := driver(t, small()).Load(ctx, addr, func(done, _ int) {
		if done == 5 {
			cancel(interrupted)
		}
	})
	if !errors.Is(err, interrupted) {
		t.Errorf("error %v", err)
	}
}

func TestVerifyReadsTheCounts(t *testing.T) {
	d := driver(t, small())
	for name, c := range map[string]struct {
		code int
		body string
		want string
	}{
		"no JSON":           {200, "hello", "/api/v1/system/health"},
		"not found":         {404, "", "answered 404"},
		"unwell but whole":  {503, `{"spaces":[{"space":"default","memories":298},{"space":"other","memories":9}]}`, ""},
		"too few memories":  {200, `{"spaces":[{"space":"default","memories":290}]}`, "holds 290 memories of a dataset of 300"},
		"only other spaces": {200, `{"spaces":[{"space":"other","memories":300}]}`, "holds 0 memories"},
	} {
		addr := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.code)
			_, _ = io.WriteString(w, c.body)
		}))
		err := d.Verify(t.Context(), addr)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if err := d.Verify(t.Context(), gone.Listener.Addr().String()); err == nil {
		t.Error("nobody answered, and that is fine?")
	}
}
