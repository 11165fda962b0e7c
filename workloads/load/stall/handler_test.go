package stall

import (
	"io"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

func TestHandlerHoldsAndLogs(t *testing.T) {
	config := Config{Service: time.Millisecond, Stall: 50 * time.Millisecond, Period: 200 * time.Millisecond}
	h, err := NewHandler(config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	var slow, sent int
	for began := time.Now(); time.Since(began) < 3*config.Period; sent++ {
		asked := time.Now()
		response, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(text) != "ok" {
			t.Fatalf("answer %q, %v", text, err)
		}
		took := time.Since(asked)
		if took < config.Service {
			t.Errorf("answered after %v, before the service time", took)
		}
		if took > config.Stall/2 {
			slow++
		}
	}
	server.Close()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if arrivals := h.Arrivals(); len(arrivals) != sent || !slices.IsSorted(arrivals) {
		t.Errorf("%d arrivals logged, in order %v; %d were sent", len(arrivals), slices.IsSorted(arrivals), sent)
	}
	if slow == 0 {
		t.Errorf("no request was held in three periods")
	}
	if _, err := NewHandler(Config{Stall: 2, Period: 1}); err == nil {
		t.Error("a senseless configuration was accepted")
	}
}
