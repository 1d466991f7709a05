package capture

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// SaveOptions say where packets are saved. Rotation is tcpdump's: by size files are name, name1, name2...; with Count
// they are name0 to the last and then the first again; by time the name is a pattern of strftime(3), and Count ends it.
// Time is the packets'.
type SaveOptions struct {
	Name        string    // "-" is Stdout
	Stdout      io.Writer // meaningful iff Name is "-"
	Size        int64     // octets beyond which another file is begun before the next packet; 0: never
	Every       int64     // nanoseconds after which another file is begun before the next packet; 0: never
	Count       int       // 0: no bound
	Start       int64     // when the first file begins, nanoseconds since 1970 UTC; 0: with the first packet
	Zone        *time.Location
	Application string
	Captures    []string // files that are read, and not to be overwritten
}

// ErrAllWritten ends saving by time after Count files.
var ErrAllWritten = errors.New("all files are written")

// Saver saves packets into one file or several. It belongs to one goroutine.
type Saver struct {
	opt     SaveOptions
	digits  int
	dir     *os.Root // where the files are; nil for one file alone
	pattern string   // of the name, within dir
	period  int64    // when the file's period began
	periods int      // begun
	number  int      // of the file within the period
	name    string   // of the current file
	file    io.WriteCloser
	w       *Writer // nil between files
	err     error
	taken   uint64 // packets, in all
	before  uint64 // saved, in the files before this one
	dropped uint64 // by the capturing system, in all
	told    uint64 // of them, in the files before this one
	files   int
}

// NewSaver opens the directory, and the first file if its name does not wait for a packet's time. The errors name the
// file.
func NewSaver(opt SaveOptions) (*Saver, error) {
	s := &Saver{opt: opt, pattern: opt.Name}
	if opt.Size > 0 && opt.Count > 0 {
		s.digits = len(fmt.Sprint(opt.Count - 1))
		if opt.Count == 1 {
			s.digits = 0 // as tcpdump has it
		}
	}
	if opt.Every > 0 {
		if _, err := strftime(opt.Name, time.Unix(0, 0)); err != nil {
			return nil, fmt.Errorf("capture: name of -w: %w", err)
		}
	}
	if opt.Name != "-" && (opt.Size > 0 || opt.Every > 0) {
		if err := s.openDirectory(); err != nil {
			return nil, err
		}
	}
	if opt.Every > 0 && opt.Start == 0 {
		return s, nil
	}
	s.period = opt.Start
	if err := s.begin(); err != nil {
		s.shut()
		return nil, err
	}
	return s, nil
}

// openDirectory opens the deepest directory of the name that holds no conversion: what comes later is opened within it,
// also after rights were given up.
func (s *Saver) openDirectory() (err error) {
	dir, file := filepath.Split(s.opt.Name)
	for s.opt.Every > 0 && strings.Contains(dir, "%") {
		up, last := filepath.Split(strings.TrimRight(dir, string(filepath.Separator)))
		dir, file = up, filepath.Join(last, file)
	}
	if dir == "" {
		dir = "."
	}
	if file == "" {
		return fmt.Errorf("capture: save %s: names a directory, not a file", s.opt.Name)
	}
	if s.dir, err = os.OpenRoot(dir); err != nil {
		return fmt.Errorf("capture: save %s: %w", s.opt.Name, bare(err))
	}
	s.pattern = file
	return nil
}

// Write saves a packet. After an error nothing is saved any more; a *LeftOutError is about this packet alone.
func (s *Saver) Write(r *Record) error {
	s.taken++
	if s.err != nil {
		return s.err
	}
	if s.due(r.Time) {
		if s.err = s.next(r.Time); s.err != nil {
			return s.err
		}
	}
	err := s.w.Write(r)
	var left *LeftOutError
	if err != nil && !errors.As(err, &left) {
		s.err = s.failed(err)
		return s.err
	}
	return err
}

// due says that another file is to be begun before a packet of that time.
func (s *Saver) due(now int64) bool {
	return s.w == nil || s.opt.Every > 0 && now-s.period >= s.opt.Every || s.opt.Size > 0 && s.w.Size() > s.opt.Size
}

// next ends the file and begins another.
func (s *Saver) next(now int64) error {
	switch {
	case s.w == nil: // the first
		s.period = now
	case s.opt.Every > 0 && now-s.period >= s.opt.Every:
		s.period, s.number = now, 0
		s.periods++
		if s.opt.Size == 0 && s.opt.Count > 0 && s.periods >= s.opt.Count {
			return ErrAllWritten
		}
	default:
		if s.number++; s.opt.Count > 0 && s.number >= s.opt.Count {
			s.number = 0
		}
	}
	if s.w != nil {
		if err := s.finish(); err != nil {
			return err
		}
	}
	return s.begin()
}

// begin opens the file whose turn it is.
func (s *Saver) begin() error {
	if s.opt.Name == "-" {
		s.name, s.file = "standard output", keepOpen{s.opt.Stdout}
	} else {
		name := s.pattern
		if s.opt.Every > 0 {
			zone := s.opt.Zone
			if zone == nil {
				zone = time.UTC
			}
			name, _ = strftime(name, time.Unix(0, s.period).In(zone)) // was tried at the beginning
		}
		if s.number > 0 || s.digits > 0 {
			name += fmt.Sprintf("%0*d", s.digits, s.number)
		}
		if s.name = name; s.dir != nil {
			s.name = filepath.Join(s.dir.Name(), name)
		}
		if err := s.create(name); err != nil {
			return fmt.Errorf("capture: save %s: %w", s.name, bare(err))
		}
	}
	s.files++
	s.w = NewWriter(s.file, FormatOf(s.opt.Name), s.opt.Application, "")
	return nil
}

// keepOpen is a writer that is not ours to close.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// create opens a file for writing, unless it is one that is read.
func (s *Saver) create(name string) error {
	stat, open := os.Stat, os.OpenFile // follow links, as /dev/stdout is one
	if s.dir != nil {
		stat, open = s.dir.Stat, s.dir.OpenFile
	}
	if old, err := stat(name); err == nil {
		for _, c := range s.opt.Captures {
			if in, err := os.Stat(c); err == nil && os.SameFile(old, in) {
				return errors.New("is read, and would be overwritten; name another file")
			}
		}
	}
	f, err := open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err == nil {
		s.file = f
	}
	return err
}

// HandTo makes the first file of a rotation another user's, so that root can go on as that user and write it again when
// its turn comes.
func (s *Saver) HandTo(uid, gid int) error {
	f, ok := s.file.(*os.File)
	if s.dir == nil || !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	if err := f.Chown(uid, gid); err != nil {
		return s.failed(err)
	}
	return nil
}

// finish ends the current file.
func (s *Saver) finish() error {
	err := s.w.Finish(s.dropped - s.told)
	s.told = s.dropped
	if again := s.file.Close(); err == nil {
		err = again
	}
	s.before += s.w.Saved()
	s.w = nil
	if err != nil {
		return s.failed(err)
	}
	return nil
}

func (s *Saver) failed(err error) error { return fmt.Errorf("capture: save %s: %w", s.name, bare(err)) }

// Dropped tells what the capturing system has lost until now, for the statistics at the end of each file.
func (s *Saver) Dropped(total uint64) { s.dropped = total }

// Flush hands on what is buffered.
func (s *Saver) Flush() error {
	if s.err == nil && s.w != nil {
		if err := s.w.Flush(); err != nil {
			s.err = s.failed(err)
		}
	}
	return s.err
}

// Close ends the last file, and says what went wrong if Write or Flush have not.
func (s *Saver) Close() error {
	had := s.err
	if s.w != nil {
		if err := s.finish(); s.err == nil {
			s.err = err
		}
	}
	s.shut()
	if had == nil {
		return s.err
	}
	return nil
}

// shut closes the directory.
func (s *Saver) shut() {
	if s.dir != nil {
		s.dir.Close()
	}
}

// Saved is how many packets are in the files, of how many that were given.
func (s *Saver) Saved() (saved, of uint64) {
	saved = s.before
	if s.w != nil {
		saved += s.w.Saved()
	}
	return saved, s.taken
}

// Files is how many files were begun, Name the one begun last.
func (s *Saver) Files() int { return s.files }

// Name is the file begun last.
func (s *Saver) Name() string { return s.name }

// ParseSize reads a size of tcpdump's -C: millions of octets, or with k, m or g units of 1024.
func ParseSize(text string) (int64, error) {
	unit := int64(1e6)
	if n := len(text); n > 0 {
		if i := strings.IndexByte("kmg", text[n-1]|0x20); i >= 0 {
			unit, text = 1<<(10*(i+1)), text[:n-1]
		}
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' || n > math.MaxInt64/unit/10-9 {
			return 0, errors.New("not a size")
		}
		n = n*10 + int64(c-'0')
	}
	if n == 0 {
		return 0, errors.New("not a size")
	}
	return n * unit, nil
}
