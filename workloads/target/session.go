package target

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Session owns everything that one run of gate makes outside the user's
// checkout: worktrees, builds, data directories, child processes. Its methods
// may be called from several goroutines.
type Session struct {
	repository *Repository // nil where nothing is built from source
	dir        string
	owner      *os.File // locked for the session's life
	cache      *buildCache
	spawner    *Spawner
	ctx        context.Context // cancelled by Close, which ends builds and launches under way
	cancel     context.CancelFunc
	work       sync.WaitGroup // builds and launches under way
	beforeRun  func(port int) // called before a process is forked, by tests that take its port

	mu        sync.Mutex
	arms      map[string]*armDirectory
	order     map[string]int // arms in order of appearance
	processes map[*Process]struct{}
	notes     []string
	launches  int
	closed    bool
	closeErr  error
}

var errClosed = errors.New("target: session is closed")

// sessionPrefix begins the name of every session directory under TMPDIR.
const sessionPrefix = "fivegate-"

// ownerRecord is what a session writes beside its files, so that the next one
// can clear up after a killed gate. Whether the owner lives is told by the lock
// on the file, which the kernel drops with the process; the record only says
// what there is to clear up, and whose it was.
type ownerRecord struct {
	PID        int       `json:"pid"`
	Started    time.Time `json:"started"`
	Repository string    `json:"repository,omitempty"`
}

// NewSession makes a private directory under TMPDIR and sweeps what dead
// sessions of this user left there. The repository may be nil when every arm is
// prebuilt. The context bounds the sweep only; Close ends the session.
func NewSession(ctx context.Context, repository *Repository) (*Session, error) {
	temp, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		return nil, fmt.Errorf("temporary directory: %w; set TMPDIR to a directory that exists", err)
	}
	notes := sweep(ctx, temp)
	dir, owner, err := makeSessionDir(temp, repository)
	if err != nil {
		return nil, err
	}
	cache, note := openBuildCache()
	if note != "" {
		notes = append(notes, note)
	}
	if err := BecomeSubreaper(); err != nil {
		notes = append(notes, "orphans of the target may outlive it: "+err.Error())
	}
	sctx, cancel := context.WithCancel(context.Background())
	return &Session{
		repository: repository, dir: dir, owner: owner, cache: cache, spawner: NewSpawner(),
		ctx: sctx, cancel: cancel, notes: notes,
		arms: map[string]*armDirectory{}, order: map[string]int{}, processes: map[*Process]struct{}{},
	}, nil
}

// makeSessionDir makes and locks the directory. Its name has a fixed length, so
// that paths are equally long in every run too (os.MkdirTemp's are not).
func makeSessionDir(temp string, repository *Repository) (string, *os.File, error) {
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", nil, err
	}
	dir := filepath.Join(temp, sessionPrefix+hex.EncodeToString(random[:]))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("session directory: %w", err)
	}
	owner, err := os.OpenFile(filepath.Join(dir, "owner.json"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	record := ownerRecord{PID: os.Getpid(), Started: time.Now().UTC()}
	if repository != nil {
		record.Repository = repository.top
	}
	// Locked before it is written: a sweeper takes an empty record for a session
	// that is just being made.
	err = unix.Flock(int(owner.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = json.NewEncoder(owner).Encode(record)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "data"), 0o700)
	}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("session directory %s: %w", dir, err), owner.Close(), os.RemoveAll(dir))
	}
	return dir, owner, nil
}

// Notes are remarks for the report: what was swept, what could not be cached,
// which toolchain cannot vary its layout.
func (s *Session) Notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.notes...)
}

func (s *Session) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.notes {
		if have == text {
			return
		}
	}
	s.notes = append(s.notes, text)
}

// armName is the directory name of an arm, always four letters long.
func (s *Session) armName(arm string) string {
	if len(arm) == 4 && filepath.IsLocal(arm) {
		return arm
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	index, known := s.order[arm]
	if !known {
		index = len(s.order)
		s.order[arm] = index
	}
	return fmt.Sprintf("a%03d", index)
}

// DataDir makes a fresh, empty data directory for an arm; paths are equally long
// for all arms and launches. It lives until Close, or until the caller removes it.
func (s *Session) DataDir(arm string) (string, error) {
	name := s.armName(arm)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return "", errClosed
	}
	s.launches++
	dir := filepath.Join(s.dir, "data", fmt.Sprintf("%s-%05d", name, s.launches))
	s.mu.Unlock()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	return dir, nil
}

// Close ends every process of the session, removes its worktrees from the
// repository and its files from the disk. It may be called more than once; the
// later calls return what the first one did.
func (s *Session) Close() error {
	s.mu.Lock()
	if s.closed {
		defer s.mu.Unlock()
		return s.closeErr
	}
	s.closed = true
	s.mu.Unlock()

	s.cancel()
	s.work.Wait()
	var errs []error
	for _, p := range s.running() {
		if _, err := p.Stop(s.ctx, 0); err != nil {
			errs = append(errs, err)
		}
	}
	killStrays(s.dir)
	s.spawner.Close()
	errs = append(errs, removeSessionDir(context.Background(), s.dir, s.repositoryDir()), s.owner.Close())
	err := errors.Join(errs...)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeErr = err
	return err
}

// running lists the processes that were not stopped yet.
func (s *Session) running() []*Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.processes))
}

func (s *Session) repositoryDir() string {
	if s.repository == nil {
		return ""
	}
	return s.repository.top
}

// begin joins the caller's context with the session's, and refuses work on a
// closed session.
func (s *Session) begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errClosed
	}
	s.work.Add(1)
	joined, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() { cancel(errors.New("session closed")) })
	return joined, func() { stop(); cancel(nil); s.work.Done() }, nil
}
