package stall

import (
	"bufio"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQuantileAgreesWithSimulation(t *testing.T) {
	c := Standard()
	var responses []int64
	for at := int64(0); at < int64(4*c.Period); at += 1e5 { // 10k/s over 4 periods
		responses = append(responses, c.answerAt(at)-at)
	}
	slices.Sort(responses)
	for _, q := range []float64{0.5, 0.98, 0.99, 0.999} {
		got, want := c.Quantile(q), time.Duration(responses[int(q*float64(len(responses)))])
		if diff := got - want; diff < -time.Millisecond || diff > time.Millisecond {
			t.Errorf("q %v: closed form %v, simulated %v", q, got, want)
		}
	}
	if got := c.Quantile(0.99); got != 51*time.Millisecond {
		t.Errorf("P99 %v, want 51ms", got)
	}
	if got := c.Quantile(0.999); got != 96*time.Millisecond {
		t.Errorf("P99.9 %v, want 96ms", got)
	}
}

func TestAnswersAreInOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stall := rapid.Int64Range(0, 1e9).Draw(t, "stall")
		c := Config{
			Service: time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "service")),
			Stall:   time.Duration(stall),
			Period:  time.Duration(rapid.Int64Range(stall+1, 1e10).Draw(t, "period")),
		}
		a := rapid.Int64Range(0, 1e11).Draw(t, "a")
		b := rapid.Int64Range(a, 1e11).Draw(t, "b")
		if c.answerAt(a) > c.answerAt(b) {
			t.Fatalf("arrived at %d and %d, answered at %d and %d", a, b, c.answerAt(a), c.answerAt(b))
		}
		if held := c.answerAt(a)-a > int64(c.Service); held != c.InStall(a) {
			t.Fatalf("InStall(%d) is %v", a, c.InStall(a))
		}
	})
}

func TestRequestEnds(t *testing.T) {
	stream := "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /\r\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n"
	for cut := range len(stream) {
		var end requestEnd
		if got := end.feed([]byte(stream[:cut])) + end.feed([]byte(stream[cut:])); got != 3 {
			t.Errorf("cut at %d: %d requests, want 3", cut, got)
		}
	}
}

func TestServerHoldsAndLogs(t *testing.T) {
	config := Config{Service: time.Millisecond, Stall: 50 * time.Millisecond, Period: 200 * time.Millisecond}
	s, err := Listen("127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Arrivals(); !errors.Is(err, errArrivals) {
		t.Errorf("arrivals of a running server: %v", err)
	}
	c, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	var slow, sent int
	for began := time.Now(); time.Since(began) < 3*config.Period; sent++ {
		asked := time.Now()
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(answer))
		for filled := 0; filled < len(got); {
			n, err := r.Read(got[filled:])
			if err != nil {
				t.Fatal(err)
			}
			filled += n
		}
		if string(got) != answer {
			t.Fatalf("answer %q", got)
		}
		took := time.Since(asked)
		if took < config.Service {
			t.Errorf("answered after %v, before the service time", took)
		}
		if took > config.Stall/2 {
			slow++
		}
	}
	if err := errors.Join(c.Close(), s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	arrivals, err := s.Arrivals()
	if err != nil || len(arrivals) != sent {
		t.Errorf("%d arrivals logged, %v; %d were sent", len(arrivals), err, sent)
	}
	if slow == 0 {
		t.Errorf("no request was held in three periods")
	}
}

func TestSenselessConfigurationsAreRefused(t *testing.T) {
	for _, c := range []Config{{Service: -1}, {Stall: 2, Period: 1}, {Stall: 1, Period: 1}, {Period: -1}} {
		if s, err := Listen("127.0.0.1:0", c); err == nil {
			t.Errorf("%+v was accepted", c)
			s.Close()
		}
	}
	if _, err := Listen("127.0.0.1:none", Config{}); err == nil {
		t.Error("a senseless address was accepted")
	}
}
