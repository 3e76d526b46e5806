package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// maxFile bounds the length of a record's file.
const maxFile = 16 << 20

// networkRecord is the record of a network in both forms.
type networkRecord struct {
	o object
	n controller.Network
}

// memberRecord is the record of a member in both forms.
type memberRecord struct {
	o object
	m controller.Member
}

// directory is what is in a controller.d.
type directory struct {
	networks []networkRecord
	members  []memberRecord
}

// ReadDir reads the directory controller.d of a node, networks and members in ascending order. Files that cannot be read or
// understood are left out, with the members of a network that is; the error joins what is wrong with each of them.
func ReadDir(dir string) (networks []controller.Network, members []controller.Member, err error) {
	d, err := readDir(dir)
	for i := range d.networks {
		networks = append(networks, d.networks[i].n)
	}
	for i := range d.members {
		members = append(members, d.members[i].m)
	}
	return networks, members, err
}

func readDir(dir string) (d directory, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, "network"))
	if err != nil {
		return d, fmt.Errorf("store: read %s: expected the controller.d of a node: %w", dir, err)
	}
	var errs []error
	for _, e := range entries {
		id, ok := networkFile(e.Name())
		if !ok {
			continue
		}
		path := filepath.Join(dir, "network", e.Name())
		o, err := readObject(path)
		var n controller.Network
		if err == nil {
			n, err = networkFrom(o)
		}
		if err == nil && n.ID != id {
			err = fmt.Errorf("it is the record of network %v", n.ID)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("store: read %s: %w", path, err))
			continue
		}
		d.networks = append(d.networks, networkRecord{o, n})
		errs = append(errs, d.readMembers(membersDir(dir, id), id)...)
	}
	return d, errors.Join(errs...)
}

// readMembers reads the members of a network.
func (d *directory) readMembers(dir string, id vl2.NetworkID) (errs []error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return []error{fmt.Errorf("store: read %s: %w", dir, err)}
	}
	for _, e := range entries {
		a, ok := memberFile(e.Name())
		if !ok {
			continue
		}
		path := filepath.Join(dir, e.Name())
		o, err := readObject(path)
		var m controller.Member
		if err == nil {
			m, err = memberFrom(o)
		}
		if err == nil && (m.Network != id || m.Address != a) {
			err = fmt.Errorf("it is the record of member %v of network %v", m.Address, m.Network)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("store: read %s: %w", path, err))
			continue
		}
		d.members = append(d.members, memberRecord{o, m})
	}
	return errs
}

func membersDir(dir string, id vl2.NetworkID) string {
	return filepath.Join(dir, "network", id.String(), "member")
}

// networkFile returns the ID in the name of a network's file.
func networkFile(name string) (vl2.NetworkID, bool) {
	digits, ok := strings.CutSuffix(name, ".json")
	id, err := vl2.ParseNetworkID(digits)
	return id, ok && err == nil && id.String() == digits
}

// memberFile returns the address in the name of a member's file.
func memberFile(name string) (identity.Address, bool) {
	digits, ok := strings.CutSuffix(name, ".json")
	a, err := identity.ParseAddress(digits)
	return a, ok && err == nil && a.String() == digits
}

// readObject reads a file with a JSON object.
func readObject(path string) (object, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("expected a file of at most %d bytes", maxFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseObject(b)
}

// Import takes over the records of a controller.d; they replace those of the same networks and members. It returns how
// many there were. An error may be about single files, as with ReadDir; the others are imported.
func (f *File) Import(dir string) (networks, members int, err error) {
	d, err := readDir(dir)
	failed := f.update("import "+dir, func(tx *bbolt.Tx) error {
		for _, r := range d.networks {
			key := networkKey(r.n.ID)
			if err := tx.Bucket(networksBucket).Put(key, f.seal(key, r.o.append(nil))); err != nil {
				return err
			}
		}
		for _, r := range d.members {
			key := memberKey(r.m.Network, r.m.Address)
			if err := tx.Bucket(membersBucket).Put(key, f.seal(key, r.o.append(nil))); err != nil {
				return err
			}
		}
		return nil
	})
	if failed != nil {
		return 0, 0, errors.Join(failed, err)
	}
	return len(d.networks), len(d.members), err
}

// Export writes all records to a controller.d, which is made if it is not there. Each file is replaced at once, so that a crash leaves
// the old one or the new one. Files of networks and members that do not exist any more get the suffix .removed, which stock
// controllers ignore.
func (f *File) Export(dir string) error {
	var d directory
	err := f.each(func(bucket, key, value []byte) error {
		if err := f.check(key, value); err != nil {
			return err
		}
		o, err := parseObject(value[checksumLen:])
		if err != nil {
			return err
		}
		if len(key) == networkKeyLen {
			n, err := networkFrom(o)
			d.networks = append(d.networks, networkRecord{o, n})
			return err
		}
		m, err := memberFrom(o)
		d.members = append(d.members, memberRecord{o, m})
		return err
	})
	if err == nil {
		err = d.write(dir)
	}
	if err != nil {
		return fmt.Errorf("store: export %s to %s: %w", f.path, dir, err)
	}
	return nil
}

// WriteDir writes records to a controller.d as Export does. Files that are there already keep the fields that the controller
// does not know.
func WriteDir(dir string, networks []controller.Network, members []controller.Member) error {
	var d directory
	for i := range networks {
		n := &networks[i]
		old, err := readObject(filepath.Join(dir, "network", n.ID.String()+".json"))
		if err != nil {
			old = object{} // a file that cannot be read has nothing to keep
		}
		d.networks = append(d.networks, networkRecord{mergeOnto(old, networkFields, networkDefaults, networkObject(n)), *n})
	}
	for i := range members {
		m := &members[i]
		old, err := readObject(filepath.Join(membersDir(dir, m.Network), m.Address.String()+".json"))
		if err != nil {
			old = object{}
		}
		d.members = append(d.members, memberRecord{mergeOnto(old, memberFields, memberDefaults, memberObject(m)), *m})
	}
	if err := d.write(dir); err != nil {
		return fmt.Errorf("store: write %s: %w", dir, err)
	}
	return nil
}

func mergeOnto(old object, known map[string]bool, defaults map[string]string, now object) object {
	old.merge(known, nil, now)
	old.defaults(defaults)
	return old
}

// write writes all files, then puts aside those of other records.
func (d *directory) write(dir string) error {
	keep := make(map[string]bool)
	put := func(path string, o object) error {
		keep[path] = true
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return writeFile(path, func(f *os.File) error {
			_, err := f.Write(o.append(nil))
			return err
		})
	}
	if err := os.MkdirAll(filepath.Join(dir, "network"), 0o700); err != nil {
		return err
	}
	for _, r := range d.members {
		if err := put(filepath.Join(membersDir(dir, r.m.Network), r.m.Address.String()+".json"), r.o); err != nil {
			return err
		}
	}
	for _, r := range d.networks {
		if err := put(filepath.Join(dir, "network", r.n.ID.String()+".json"), r.o); err != nil {
			return err
		}
	}
	return removeOthers(dir, keep)
}

// removeOthers puts aside the files of records that are not to be kept.
func removeOthers(dir string, keep map[string]bool) error {
	var all []string
	entries, err := os.ReadDir(filepath.Join(dir, "network"))
	for _, e := range entries {
		if _, ok := networkFile(e.Name()); ok {
			all = append(all, filepath.Join(dir, "network", e.Name()))
		}
		if id, ok := networkFile(e.Name() + ".json"); ok && e.IsDir() {
			members, err := os.ReadDir(membersDir(dir, id))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			for _, m := range members {
				if _, ok := memberFile(m.Name()); ok {
					all = append(all, filepath.Join(membersDir(dir, id), m.Name()))
				}
			}
		}
	}
	for _, path := range all {
		if !keep[path] {
			err = errors.Join(err, os.Rename(path, path+".removed"))
		}
	}
	return err
}

// writeFile replaces a file by what fn writes, at once and only if all of it was written. Only the owner may read it.
func writeFile(path string, fn func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err = fn(f); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	// The name is safe once the directory is. Not every system can do that, and none loses the old file.
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}
