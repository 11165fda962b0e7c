package refstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ask serves one request without a network.
func ask(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

// teapot is an API that answers 418.
func teapot() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
}

func faulty(t *testing.T, drain <-chan struct{}, texts ...string) *mischief {
	t.Helper()
	m, err := newMischief(parsed(t, texts...), drain)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestErrorsSpareHealth(t *testing.T) {
	h := faulty(t, nil, "errors=100%").wrap(teapot())
	for target, want := range map[string]int{
		"/api/v1/memories/recall?query=a": 500, "/api/v1/episodes/remember": 500,
		"/health": 418, "/api/v1/system/health": 418, "/metrics": 418, "/api/v1/spaces": 418,
	} {
		if got := ask(h, "GET", target).Code; got != want {
			t.Errorf("%s: %d, want %d", target, got, want)
		}
	}
}

func TestStallHoldsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := faulty(t, nil, "stall=100ms/5s").wrap(teapot())
		for _, c := range []struct{ wait, want time.Duration }{
			{0, 0},
			{4950 * time.Millisecond, 50 * time.Millisecond}, // in the stall
			{time.Millisecond, 0},                            // just after it
			{4899 * time.Millisecond, 100 * time.Millisecond},
		} {
			time.Sleep(c.wait)
			began := time.Now()
			if code := ask(h, "GET", "/health").Code; code != http.StatusTeapot {
				t.Errorf("answered %d", code)
			}
			if took := time.Since(began); took != c.want {
				t.Errorf("took %v, want %v", took, c.want)
			}
		}
	})
}

func TestCrashCountsFromTheFirstMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := faulty(t, nil, "crash-after=30s")
		var crashed atomic.Int64
		m.exit = func(code int) { crashed.Store(int64(code)) }
		h := m.wrap(teapot())
		ask(h, "GET", "/health")
		time.Sleep(time.Minute)
		synctest.Wait()
		if crashed.Load() != 0 {
			t.Fatal("crashed though nothing was asked for memories")
		}
		ask(h, "GET", "/api/v1/memories/recall?query=a")
		time.Sleep(30*time.Second - 1)
		synctest.Wait()
		if crashed.Load() != 0 {
			t.Error("crashed early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if crashed.Load() != crashCode {
			t.Errorf("exit code %d, want %d", crashed.Load(), crashCode)
		}
	})
}

func TestHangEndsWithClientOrServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drain := make(chan struct{})
		h := faulty(t, drain, "hang-after=30s").wrap(teapot())
		if code := ask(h, "GET", "/api/v1/memories/a").Code; code != http.StatusTeapot {
			t.Fatalf("answered %d before the hang", code)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		done := make(chan string, 2)
		hang := func(name string, ctx context.Context) {
			defer func() {
				if r, ok := recover().(error); ok && errors.Is(r, http.ErrAbortHandler) {
					done <- name
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/health", nil))
		}
		ctx, cancel := context.WithCancel(t.Context())
		go hang("client", ctx)
		go hang("server", t.Context())
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("answered while hanging")
		}
		cancel()
		if got := <-done; got != "client" {
			t.Errorf("%s gave up first", got)
		}
		close(drain)
		if got := <-done; got != "server" {
			t.Errorf("%s gave up second", got)
		}
	})
}

func TestSlowQueriesAreAlwaysTheSame(t *testing.T) {
	m := faulty(t, nil, "slow-queries=2%x1.3")
	slow := 0
	for i := range 20_000 {
		target := fmt.Sprintf("/api/v1/memories/recall?query=word%d", i)
		first := m.chosen(httptest.NewRequest("GET", target, nil))
		if again := m.chosen(httptest.NewRequest("GET", target, nil)); again != first {
			t.Fatalf("%s is slow only sometimes", target)
		}
		if first {
			slow++
		}
	}
	if slow < 300 || slow > 500 { // five standard deviations are 99
		t.Errorf("%d of 20000 queries are slow, want about 400", slow)
	}
	if m.chosen(httptest.NewRequest("POST", "/api/v1/memories?space=abc", nil)) {
		t.Error("a store counts as a query")
	}
}

func TestNoFaultsNoWrapper(t *testing.T) {
	mux := http.NewServeMux()
	if h := faulty(t, nil).wrap(mux); h != http.Handler(mux) {
		t.Error("a server without faults carries the fault layer")
	}
}
