package alarm

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func create(t *testing.T) *Alarm {
	t.Helper()
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestSleepLastsAtLeastAsLong(t *testing.T) {
	a := create(t)
	for _, d := range []time.Duration{-1, 0, 1, 100 * time.Microsecond, 3 * time.Millisecond} {
		began := time.Now()
		a.Sleep(d)
		if took := time.Since(began); took < d {
			t.Errorf("a sleep of %v ended after %v", d, took)
		}
	}
}

func TestRingEndsTheSleep(t *testing.T) {
	a := create(t)
	for range 100 {
		rung := make(chan struct{})
		go func() {
			defer close(rung)
			a.Ring()
		}()
		a.Sleep(time.Hour) // hangs if a ring is ever lost
		<-rung
	}
}

func TestRingBeforeTheSleepEndsIt(t *testing.T) {
	a := create(t)
	a.Ring()
	a.Ring()
	a.Sleep(time.Hour)
}

// How late a sleep ends on an idle machine.
func BenchmarkSleep(b *testing.B) {
	a, err := New()
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	var late time.Duration
	for b.Loop() {
		began := time.Now()
		a.Sleep(300 * time.Microsecond)
		late += time.Since(began) - 300*time.Microsecond
	}
	b.ReportMetric(float64(late.Microseconds())/float64(b.N), "µs-late")
}
