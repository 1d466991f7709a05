package incident

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
)

// The names of our files; no other file is ever counted, changed or removed.
const (
	filePrefix = "tcptrack-"
	fileTime   = "20060102T150405.000Z"
	fileSuffix = ".pcapng"
)

var ours = regexp.MustCompile(`^tcptrack-\d{8}T\d{6}\.\d{3}Z-[0-9A-Za-z._-]+\.pcapng$`)

// errLimit says that the directory is full of files that are being written.
var errLimit = errors.New("the files that are being written fill what --save-limit allows")

// maxSameName bounds the files of one name, told apart by a number.
const maxSameName = 1000

// shelf is the directory of the files, opened once, and their bounded size.
type shelf struct {
	root    *os.Root
	made    bool // by us
	limit   int64
	total   int64
	files   []*book // the oldest first
	removed int
}

// book is one of our files.
type book struct {
	name string
	size int64
	busy bool  // being written
	time int64 // of the last change before we came
}

// openShelf opens the directory, made if it is not there, and counts what is in it of our own.
func openShelf(name string, limit int64) (*shelf, error) {
	made := os.Mkdir(name, 0o700)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return nil, fmt.Errorf("directory %s: %w", name, bare(made))
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", name, bare(err))
	}
	s := &shelf{root: root, made: made == nil, limit: limit}
	if err := s.list(); err != nil {
		root.Close()
		return nil, fmt.Errorf("directory %s: %w", name, bare(err))
	}
	return s, nil
}

// bare takes operation and path off an error of package os; the caller names them.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// list finds our files, and that some can be made.
func (s *shelf) list() error {
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !ours.MatchString(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil {
			s.files = append(s.files, &book{name: e.Name(), size: info.Size(), time: info.ModTime().UnixNano()})
			s.total += info.Size()
		}
	}
	slices.SortFunc(s.files, func(a, b *book) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.name, b.name))
	})
	const probe = filePrefix + "probe"
	f, err := s.root.OpenFile(probe, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	return s.root.Remove(probe)
}

// create makes a file and returns its name, the given one or that with a number.
func (s *shelf) create(stem string) (string, error) {
	name := stem + fileSuffix
	for n := 2; ; n++ {
		f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			s.files = append(s.files, &book{name: name, busy: true})
			return name, f.Close()
		}
		if !errors.Is(err, fs.ErrExist) || n > maxSameName {
			return name, bare(err)
		}
		name = fmt.Sprintf("%s-%d%s", stem, n, fileSuffix)
	}
}

// find returns a file of the shelf that is being written, the latest first.
func (s *shelf) find(name string) *book {
	for i := len(s.files) - 1; i >= 0; i-- {
		if s.files[i].name == name {
			return s.files[i]
		}
	}
	return nil
}

// write appends to a file, after older ones have given way.
func (s *shelf) write(name string, b []byte) error {
	own := s.find(name)
	for i := 0; s.total+int64(len(b)) > s.limit; {
		if i == len(s.files) {
			return errLimit
		}
		old := s.files[i]
		if old.busy {
			i++
			continue
		}
		if err := s.root.Remove(old.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			i++
			continue
		}
		s.files = slices.Delete(s.files, i, i+1)
		s.total -= old.size
		s.removed++
	}
	// Opened for each write: a thousand incidents may go on at once, and nobody has so many descriptors.
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return bare(err)
	}
	n, err := f.Write(b)
	own.size += int64(n)
	s.total += int64(n)
	if again := f.Close(); err == nil {
		err = again
	}
	if err != nil {
		return bare(err)
	}
	return nil
}

// done says that a file is written to its end, and may give way.
func (s *shelf) done(name string) { s.find(name).busy = false }

func (s *shelf) close() { s.root.Close() }

// onShelf is a file of the shelf as an io.Writer.
type onShelf struct {
	shelf *shelf
	name  string
}

var _ io.Writer = onShelf{}

func (o onShelf) Write(b []byte) (int, error) {
	if err := o.shelf.write(o.name, b); err != nil {
		return 0, err
	}
	return len(b), nil
}
