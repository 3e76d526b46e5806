package driver

import (
	crand "crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A store keeps a node's state in a directory laid out as the stock service does (PROTOCOL 26): identity.secret and
// identity.public, planet, moons.d, networks.d, peers.d. Files are replaced atomically; secrets are readable by their owner alone. A file
// that makes no sense is renamed to end in .bad, with a warning, and the node starts without it; an identity is never set aside so,
// because the node would silently become another.
type store struct {
	dir string
	log *slog.Logger

	mu      sync.Mutex
	pending map[string][]byte // guarded by mu: by path within dir; nil means remove
	order   []string          // guarded by mu: the keys of pending as they came
	wake    chan struct{}
}

func newStore(dir string, log *slog.Logger) *store {
	return &store{dir: dir, log: log, pending: make(map[string][]byte), wake: make(chan struct{}, 1)}
}

// load fills in what node leaves open from the directory, which it makes when it is missing, and returns the networks
// that had been joined.
func (s *store) load(node *zerotier.Config) ([]vl2.NetworkID, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("driver: cannot make the state directory: %w; choose another or change its parent's permissions", err)
	}
	if node.Identity.IsZero() {
		id, err := LoadIdentity(s.dir)
		if err != nil {
			return nil, err
		}
		node.Identity = id
	}
	if node.Planet == nil {
		s.read("planet", func(b []byte) bool {
			w, n := vl1.ParseWorld(b)
			if n < 0 || w.Type != vl1.Planet {
				return false
			}
			node.Planet = b
			return true
		})
	}
	s.readAll("moons.d", ".moon", func(_ string, b []byte) bool {
		w, n := vl1.ParseWorld(b)
		if n < 0 || w.Type != vl1.Moon {
			return false
		}
		node.Moons = append(node.Moons, b)
		return true
	})
	s.readAll("peers.d", ".peer", func(_ string, b []byte) bool {
		node.Peers = append(node.Peers, b)
		return len(b) > 0
	})
	var networks []vl2.NetworkID
	s.readAll("networks.d", ".conf", func(name string, _ []byte) bool {
		if strings.HasSuffix(name, ".local") {
			return true // the stock service's settings of the network
		}
		id, err := vl2.ParseNetworkID(name)
		if err == nil {
			networks = append(networks, id)
		}
		return err == nil
	})
	return networks, nil
}

// LoadIdentity reads the identity of a node whose state is kept in dir, and makes one, and dir, when there is none: what Open does
// with Config.Dir, for those who need the identity before.
func LoadIdentity(dir string) (identity.Identity, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return identity.Identity{}, fmt.Errorf("driver: cannot make the state directory: %w; choose another or change its parent's permissions", err)
	}
	path := filepath.Join(dir, "identity.secret")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		id, err := identity.Generate(crand.Reader)
		if err != nil {
			return id, fmt.Errorf("driver: cannot generate an identity: %w", err)
		}
		if err := writeFile(path, []byte(id.SecretString()), 0o600); err != nil {
			return id, fmt.Errorf("driver: cannot keep the new identity: %w", err)
		}
		if err := writeFile(filepath.Join(dir, "identity.public"), []byte(id.PublicString()), 0o644); err != nil {
			return id, fmt.Errorf("driver: cannot keep the new identity: %w", err)
		}
		return id, nil
	}
	if err != nil {
		return identity.Identity{}, fmt.Errorf("driver: cannot read the identity: %w", err)
	}
	id, err := identity.Parse(strings.TrimSpace(string(b)))
	if err != nil || !id.HasSecret() {
		return id, fmt.Errorf("driver: %s is not a secret identity (%v); restore it from a copy, or remove it to become a new node", path, err)
	}
	return id, nil
}

// read gives a file to take, and sets it aside when take refuses it.
func (s *store) read(name string, take func(b []byte) bool) {
	path := filepath.Join(s.dir, name)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		s.log.Warn("cannot read a state file; going on without it", "error", err)
		return
	}
	if !take(b) {
		aside := path + ".bad"
		err := os.Rename(path, aside)
		s.log.Warn("a state file makes no sense; it was set aside and the node goes on without it", "file", path, "now", aside, "error", err)
	}
}

// readAll does read for the files of a directory with an ending, in the order of their names, which take gets without it.
func (s *store) readAll(dir, ending string, take func(name string, b []byte) bool) {
	entries, err := os.ReadDir(filepath.Join(s.dir, dir))
	if err != nil {
		return
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ending); ok && !e.IsDir() {
			s.read(filepath.Join(dir, e.Name()), func(b []byte) bool { return take(name, b) })
		}
	}
}

// event takes an event that asks for something to be kept, and reports whether it was one. It does not block.
func (s *store) event(e *zerotier.Event) bool {
	switch e.Kind {
	case zerotier.EventStorePlanet:
		s.put("planet", e.Data)
	case zerotier.EventStoreMoon:
		id := strconv.FormatUint(e.World, 16)
		s.put(filepath.Join("moons.d", strings.Repeat("0", 16-len(id))+id+".moon"), e.Data)
	case zerotier.EventStorePeer:
		s.put(filepath.Join("peers.d", e.Peer.String()+".peer"), e.Data)
	case zerotier.EventStoreNetwork:
		s.put(filepath.Join("networks.d", e.Network.String()+".conf"), append([]byte{}, e.Data...))
	case zerotier.EventForgetNetwork:
		s.put(filepath.Join("networks.d", e.Network.String()+".conf"), nil)
	default:
		return false
	}
	return true
}

// put asks for a file to be replaced, or removed when b is nil. The latest wish counts.
func (s *store) put(name string, b []byte) {
	s.mu.Lock()
	if _, ok := s.pending[name]; !ok {
		s.order = append(s.order, name)
	}
	s.pending[name] = b
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run writes what was asked for until closing is closed, and then what is left.
func (s *store) run(closing <-chan struct{}) {
	for {
		select {
		case <-s.wake:
			s.flush()
		case <-closing:
			s.flush()
			return
		}
	}
}

func (s *store) flush() {
	for {
		s.mu.Lock()
		if len(s.order) == 0 {
			s.mu.Unlock()
			return
		}
		name := s.order[0]
		s.order = s.order[1:]
		b := s.pending[name]
		delete(s.pending, name)
		s.mu.Unlock()

		path := filepath.Join(s.dir, name)
		if b == nil {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				s.log.Warn("cannot remove a state file", "error", err)
			}
			continue
		}
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = writeFile(path, b, 0o600)
		}
		if err != nil {
			s.log.Warn("cannot write a state file; what it should hold lasts as long as this process", "error", err)
		}
	}
}

// writeFile replaces a file in one step: whoever reads it finds the old content or the new.
func writeFile(path string, b []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
