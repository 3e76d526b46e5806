package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// File is a controller.Store in one file. Its methods may be called from several goroutines.
type File struct {
	path string
	db   *bbolt.DB
	salt []byte           // of the checksums
	now  func() time.Time // of records' times
}

var _ controller.Store = (*File)(nil)

// Errors of Open.
var (
	ErrInUse   = errors.New("store: in use by another process")
	ErrVersion = errors.New("store: written by a newer version of this program")
)

// lockTimeout is how long Open waits for another process to let go of the file.
const lockTimeout = time.Second

// The file has three buckets. Keys are big-endian numbers: of the network; of the network, then the member. Values are a
// checksum, then JSON as in controller.d. The checksum depends on a salt, so that no other file's record is taken for one of this
// file, should a damaged tree lead there.
var (
	metaBucket     = []byte("meta")
	networksBucket = []byte("networks")
	membersBucket  = []byte("members")
	versionKey     = []byte("version")
	saltKey        = []byte("salt")
)

const version = "1"

// Open opens the file at path, and makes it, with its directory, if it is not there. Only the owner may read it.
//
// If the file is damaged, Open renames it and returns a File with the records that could be read, together with a *DamagedError.
// With any other error there is no File; it wraps ErrInUse, ErrVersion or what the system says.
func Open(path string) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	f, err := open(path)
	var d *damage
	if !errors.As(err, &d) {
		return f, err
	}
	return recoverFile(path, f, d)
}

// open opens a file and looks at every record. If a record is damaged there is a File nevertheless.
func open(path string) (*File, error) {
	f := &File{path: path, now: time.Now}
	err := guard(func() (err error) {
		f.db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout})
		return err
	})
	if err != nil {
		return nil, openError(path, err)
	}
	if err := f.prepare(); err != nil {
		var errno syscall.Errno
		if errors.Is(err, ErrVersion) || errors.As(err, &errno) {
			f.Close()
			return nil, fmt.Errorf("store: open %s: %w", path, err)
		}
		return f, asDamage(err)
	}
	if err := f.each(func(bucket, key, value []byte) error { return f.check(key, value) }); err != nil {
		return f, asDamage(err)
	}
	return f, nil
}

// openError tells what the system refuses from damage.
func openError(path string, err error) error {
	var pathError *fs.PathError
	var errno syscall.Errno
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("store: open %s: %w: stop the other one, or give this one another file", path, ErrInUse)
	case errors.As(err, &pathError), errors.As(err, &errno):
		return fmt.Errorf("store: open %s: %w", path, err)
	}
	return asDamage(err)
}

// prepare makes the buckets of a new file, and looks at those of an old one, without writing to it.
func (f *File) prepare() error {
	isNew := false
	err := guard(func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			meta := tx.Bucket(metaBucket)
			switch isNew = meta == nil; {
			case isNew:
			case string(meta.Get(versionKey)) != version:
				return fmt.Errorf("version %q: %w", meta.Get(versionKey), ErrVersion)
			case tx.Bucket(networksBucket) == nil, tx.Bucket(membersBucket) == nil, len(meta.Get(saltKey)) == 0:
				return errors.New("a bucket is missing")
			default:
				f.salt = bytes.Clone(meta.Get(saltKey))
			}
			return nil
		})
	})
	if err != nil || !isNew {
		return err
	}
	f.salt = make([]byte, 16)
	_, _ = rand.Read(f.salt) // never fails
	return guard(func() error {
		return f.db.Update(func(tx *bbolt.Tx) error {
			for _, name := range [][]byte{metaBucket, networksBucket, membersBucket} {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			meta := tx.Bucket(metaBucket)
			return errors.Join(meta.Put(versionKey, []byte(version)), meta.Put(saltKey, f.salt))
		})
	})
}

// guard calls fn, and turns what the tree does with a damaged file, panics and faults of the memory that it is mapped to, into
// errors.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = asDamage(fmt.Errorf("%v", r))
		}
	}()
	return fn()
}

// each calls fn for every record, networks first, and returns the first error. The slices are only lent.
func (f *File) each(fn func(bucket, key, value []byte) error) error {
	return guard(func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			for _, name := range [][]byte{networksBucket, membersBucket} {
				err := tx.Bucket(name).ForEach(func(key, value []byte) error { return fn(name, key, value) })
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

const (
	networkKeyLen = 8
	memberKeyLen  = 16
	checksumLen   = 4
)

func networkKey(id vl2.NetworkID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }

func memberKey(id vl2.NetworkID, a identity.Address) []byte {
	return binary.BigEndian.AppendUint64(networkKey(id), uint64(a))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum returns the checksum of a record under its key.
func (f *File) sum(key, record []byte) uint32 {
	sum := crc32.Checksum(f.salt, castagnoli)
	return crc32.Update(crc32.Update(sum, castagnoli, key), castagnoli, record)
}

// seal returns the value that a record is kept as.
func (f *File) seal(key, record []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, f.sum(key, record)), record...)
}

// check returns an error if a value is not what seal made for the key.
func (f *File) check(key, value []byte) error {
	if len(key) != networkKeyLen && len(key) != memberKeyLen {
		return fmt.Errorf("key %x has the wrong length", key)
	}
	if len(value) < checksumLen || f.sum(key, value[checksumLen:]) != binary.BigEndian.Uint32(value) {
		return fmt.Errorf("record %x has the wrong checksum", key)
	}
	return nil
}

// record returns the JSON object that is kept under a key, or nil.
func (f *File) record(b *bbolt.Bucket, key []byte) (object, error) {
	value := b.Get(key)
	if value == nil {
		return nil, nil
	}
	if err := f.check(key, value); err != nil {
		return nil, asDamage(err)
	}
	return parseObject(value[checksumLen:])
}

// Load returns all records, networks and members in ascending order.
func (f *File) Load() (networks []controller.Network, members []controller.Member, err error) {
	err = f.each(func(bucket, key, value []byte) error {
		if err := f.check(key, value); err != nil {
			return asDamage(err)
		}
		if len(key) == networkKeyLen {
			n, err := ParseNetwork(value[checksumLen:])
			networks = append(networks, n)
			return err
		}
		m, err := ParseMember(value[checksumLen:])
		members = append(members, m)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("store: read %s: %w", f.path, err)
	}
	return networks, members, nil
}

// update changes the file and says what could not be done.
func (f *File) update(what string, fn func(tx *bbolt.Tx) error) error {
	if err := guard(func() error { return f.db.Update(fn) }); err != nil {
		return fmt.Errorf("store: %s in %s: %w", what, f.path, err)
	}
	return nil
}

// PutNetwork keeps a network. Fields of its record that the controller does not know stay as they are.
func (f *File) PutNetwork(n controller.Network) error {
	return f.update("keep network "+n.ID.String(), func(tx *bbolt.Tx) error {
		b, key := tx.Bucket(networksBucket), networkKey(n.ID)
		old, err := f.record(b, key)
		if err != nil {
			return err
		}
		o := mergeNetwork(old, &n, f.now())
		// What cannot be read again must not be kept.
		if _, err := networkFrom(o); err != nil {
			return err
		}
		if !sayable(n.Rules) || slices.ContainsFunc(n.Capabilities, func(c controller.Capability) bool { return !sayable(c.Rules) }) {
			return errors.New("a rule of unknown type has no JSON form")
		}
		return b.Put(key, f.seal(key, o.append(nil)))
	})
}

// PutMember keeps a member, likewise.
func (f *File) PutMember(m controller.Member) error {
	return f.update("keep member "+m.Address.String()+" of network "+m.Network.String(), func(tx *bbolt.Tx) error {
		b, key := tx.Bucket(membersBucket), memberKey(m.Network, m.Address)
		old, err := f.record(b, key)
		if err != nil {
			return err
		}
		o := mergeMember(old, &m, f.now())
		if _, err := memberFrom(o); err != nil {
			return err
		}
		return b.Put(key, f.seal(key, o.append(nil)))
	})
}

// sayable reports whether all rules have a JSON form.
func sayable(list []vl2.Rule) bool {
	return !slices.ContainsFunc(list, func(r vl2.Rule) bool { return !r.Type.Known() })
}

// DeleteNetwork forgets a network and its members.
func (f *File) DeleteNetwork(id vl2.NetworkID) error {
	return f.update("delete network "+id.String(), func(tx *bbolt.Tx) error {
		return deleteNetwork(tx, id)
	})
}

func deleteNetwork(tx *bbolt.Tx, id vl2.NetworkID) error {
	prefix := networkKey(id)
	var keys [][]byte
	c := tx.Bucket(membersBucket).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range keys {
		if err := tx.Bucket(membersBucket).Delete(k); err != nil {
			return err
		}
	}
	return tx.Bucket(networksBucket).Delete(prefix)
}

// DeleteMember forgets a member.
func (f *File) DeleteMember(id vl2.NetworkID, a identity.Address) error {
	return f.update("delete member "+a.String()+" of network "+id.String(), func(tx *bbolt.Tx) error {
		return tx.Bucket(membersBucket).Delete(memberKey(id, a))
	})
}

// Field returns a field of a network's record that the controller does not know, such as rulesSource, as JSON; nil if
// there is none.
func (f *File) Field(id vl2.NetworkID, name string) (json.RawMessage, error) {
	var value json.RawMessage
	err := guard(func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			o, err := f.record(tx.Bucket(networksBucket), networkKey(id))
			value = bytes.Clone(o[name])
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store: read %s of network %v in %s: %w", name, id, f.path, err)
	}
	return value, nil
}

// SetField sets such a field; nil removes it.
func (f *File) SetField(id vl2.NetworkID, name string, value json.RawMessage) error {
	return f.update("keep "+name+" of network "+id.String(), func(tx *bbolt.Tx) error {
		b, key := tx.Bucket(networksBucket), networkKey(id)
		o, err := f.record(b, key)
		switch {
		case err != nil:
			return err
		case o == nil:
			return controller.ErrNoNetwork
		case networkFields[name]:
			return errors.New("the controller itself has this field: expected another one")
		case value == nil:
			delete(o, name)
		case !json.Valid(value):
			return errors.New("expected JSON")
		default:
			o[name] = value
		}
		return b.Put(key, f.seal(key, o.append(nil)))
	})
}

// Backup writes a copy of the file as it is now, also while it is in use. The copy is complete or not there.
func (f *File) Backup(path string) error {
	err := writeFile(path, func(w *os.File) error {
		return guard(func() error {
			return f.db.View(func(tx *bbolt.Tx) error {
				_, err := tx.WriteTo(w)
				return err
			})
		})
	})
	if err != nil {
		return fmt.Errorf("store: copy %s to %s: %w", f.path, path, err)
	}
	return nil
}

// Close closes the file. A File that is closed returns errors.
func (f *File) Close() error {
	if err := guard(f.db.Close); err != nil {
		return fmt.Errorf("store: close %s: %w", f.path, err)
	}
	return nil
}
