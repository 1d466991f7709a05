package days

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// leastPart is how many octets a part of a bitmap has at least, all numbers with the same upper half: those and a header.
const leastPart = 4 + 4

// maxFile bounds the octets of one file: a fresh bit of each of 16 million networks far apart takes less.
const maxFile = 1 << 29

// DamagedError is of a file that holds no bitmap.
type DamagedError struct {
	Name string
	Err  error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s: no Roaring bitmap: %v", e.Name, e.Err) }

func (e *DamagedError) Unwrap() error { return e.Err }

// Directory is a Store of Roaring bitmap files.
type Directory string

// Save makes the directory if it is not there. Two that save at once do so one after the other.
func (at Directory) Save(c *Calendar) error {
	dir := string(at)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(dir, ".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	for n, d := range c.days {
		for kind, b := range d {
			if b.IsEmpty() {
				continue
			}
			name := filepath.Join(dir, nameOf(n)+"."+kinds[kind]+".roaring")
			old, err := load(name)
			if err != nil {
				return err
			}
			old.Or(b)
			if err := replace(name, old); err != nil {
				return err
			}
		}
	}
	return nil
}

// load reads a bitmap, an empty one where there is no file.
func load(name string) (b *roaring64.Bitmap, err error) {
	b = roaring64.New()
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, &DamagedError{name, fmt.Errorf("it has more than %d octets", maxFile)}
	}
	defer func() {
		if p := recover(); p != nil { // the library trusts what it reads
			b, err = nil, &DamagedError{name, fmt.Errorf("%v", p)}
		}
	}()
	if len(text) < 8 || binary.LittleEndian.Uint64(text) > uint64(len(text)-8)/leastPart {
		return nil, &DamagedError{name, errors.New("it is cut short")} // the library makes room for as many parts as it is told
	}
	n, err := b.ReadFrom(bytes.NewReader(text))
	if err == nil && n != int64(len(text)) {
		err = errors.New("something follows it")
	}
	if err == nil && !b.IsEmpty() {
		err = b.Validate()
	}
	if err != nil {
		return nil, &DamagedError{name, err}
	}
	return b, nil
}

// replace writes a file in one step: who reads meanwhile finds the old or the new, and a crash leaves one of them.
func replace(name string, b *roaring64.Bitmap) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	b.RunOptimize()
	_, err = b.WriteTo(f)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func (at Directory) list() (numbers []int64, err error) {
	entries, err := os.ReadDir(string(at))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		date, ok := strings.CutSuffix(e.Name(), "."+kinds[seen]+".roaring")
		if number, err := parse(date); ok && err == nil {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (at Directory) open(number int64) (*day, error) {
	d := &day{}
	for kind := range kinds {
		b, err := load(filepath.Join(string(at), nameOf(number)+"."+kinds[kind]+".roaring"))
		if err != nil {
			return nil, err
		}
		d[kind] = b
	}
	return d, nil
}

func (Directory) names(bits []uint64) (names []string, err error) {
	for _, number := range bits {
		names = append(names, Client(number))
	}
	return names, nil
}

// parse reads the date of a day.
func parse(date string) (int64, error) {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0, fmt.Errorf("%q is no day: write it as 2026-11-22", date)
	}
	return dayOf(at.UnixNano()), nil
}
