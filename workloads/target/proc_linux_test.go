package target

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A line of Linux 6.18, the program's name as bad as it can be.
const procStatFixture = "4242 (a b) R 1) S 17 4242 4200 0 -1 4194304 100 0 0 0 150 50 30 20 20 0 9 0 123456 1000000 2500 18446744073709551615 1 1 0 0 0 0 0\n"

func TestParseProcStat(t *testing.T) {
	got, err := parseProcStat([]byte(procStatFixture))
	if err != nil {
		t.Fatal(err)
	}
	want := procStat{
		state: 'S', parent: 17, group: 4242, session: 4200, user: 1500 * time.Millisecond, system: 500 * time.Millisecond,
		children: 500 * time.Millisecond, threads: 9, start: 123456, rssPages: 2500,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(procStat{})); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "1 (x", "1 (x)", "1 (x) ", "1 (x) SS 1", "1 (x) S x", "1 (x) S 1 2 3"} {
		if _, err := parseProcStat([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := parseProcStat(own); err != nil || s.parent != os.Getppid() || s.rssPages < 100 {
		t.Errorf("this process: %+v, %v", s, err)
	}
}

func FuzzProcStat(f *testing.F) {
	f.Add([]byte(procStatFixture))
	f.Add([]byte("1 () Z 0"))
	f.Fuzz(func(t *testing.T, line []byte) {
		s, err := parseProcStat(line)
		if err == nil && (s.user < 0 || s.system < 0) {
			t.Errorf("%q: %+v", line, s)
		}
	})
}

// As Linux 6.18 prints them on a little-endian machine.
const socketsFixture = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 52301 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 52302 1 0000000000000000 20 4 30 10 -1
   2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 52303 1 0000000000000000 100 0 0 10 0
   3: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 52304 1 0000000000000000 100 0 0 10 0
`

func TestParseListeners(t *testing.T) {
	got, err := parseListeners(strings.NewReader(socketsFixture))
	if err != nil {
		t.Fatal(err)
	}
	want := []listener{
		{netip.MustParseAddrPort("127.0.0.1:8080"), 52301},
		{netip.MustParseAddrPort("[::]:80"), 52303},
		{netip.MustParseAddrPort("127.0.0.1:81"), 52304},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("socket %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func FuzzListeners(f *testing.F) {
	f.Add(socketsFixture)
	f.Fuzz(func(t *testing.T, text string) {
		found, err := parseListeners(strings.NewReader(text))
		for _, l := range found {
			if err == nil && !l.addr.IsValid() {
				t.Errorf("%v", l)
			}
		}
	})
}
