package capture

import (
	"cmp"
	"errors"
	"os"
	"slices"
)

// Of several files few are open at once: those whose packets lie among each other, and the next. Of each it is found out
// when its first packet came; then it is closed and sleeps until the merge comes to that packet. A goroutine opens the
// sleepers in turn, one ahead, and reads what comes first of it, so that the change from file to file waits for no disk.

// sleep finds out the first record of one file of several and closes it again; a file that has none, or cannot wait, stays
// open.
func (s *files) sleep(in *input) (*input, error) {
	if in.stream || s.opt.Follow || in.done {
		return in, nil
	}
	info, err := in.file.(*os.File).Stat()
	if err == nil {
		err = in.first()
	}
	in.close()
	if err != nil {
		return s.again(in.name) // what is wrong with it is told when it is read
	}
	return &input{name: in.name, size: in.size, asleep: info, rec: record{time: in.rec.time}}, nil
}

// first reads up to the first record.
func (in *input) first() error {
	err := in.next(&in.rec)
	for err == errMore {
		if err = in.more(); err == nil {
			err = in.next(&in.rec)
		}
	}
	return err
}

// again opens a file anew, as far as its format.
func (s *files) again(name string) (*input, error) {
	in, err := openInput(name, &s.opt, s, false)
	if err != nil {
		return nil, err
	}
	for !in.known() {
		if err = in.sniff(); err == errMore {
			err = in.more()
		}
		if err != nil {
			in.close()
			return nil, err
		}
	}
	return in, nil
}

// opened is a sleeper that is awake.
type opened struct {
	in  *input
	err error
}

func (o *opened) close() {
	if o.in != nil {
		o.in.close()
	}
}

// open opens the sleepers in order and hands each over when it is wanted.
func (s *files) open(sleepers []*input) {
	for _, was := range sleepers {
		in, err := s.again(was.name)
		if err == nil {
			var now os.FileInfo
			if now, err = in.file.(*os.File).Stat(); err == nil {
				err = in.first()
			}
			if err == nil && (!os.SameFile(was.asleep, now) || in.rec.time != was.rec.time) {
				err = errors.New("was written anew while others were read")
			}
		}
		o := opened{in, err}
		select {
		case s.awake <- o:
		case <-s.quit:
			o.close()
			return
		}
	}
}

// lull lets the sleepers be opened, in the order of their first packets.
func (s *files) lull() {
	var sleepers []*input
	for _, in := range s.in {
		if in.asleep != nil {
			sleepers = append(sleepers, in)
		}
	}
	slices.SortStableFunc(sleepers, func(a, b *input) int { return cmp.Compare(a.rec.time, b.rec.time) })
	s.awake = make(chan opened)
	go s.open(sleepers)
}

// wake puts the sleeper whose turn it is in its place, its first record read; false where that cannot be done.
func (s *files) wake(i int) bool {
	var o opened
	select {
	case o = <-s.awake:
	case <-s.quit:
		return false
	}
	if o.err != nil {
		s.warn(&Warning{File: s.in[i].name, What: "cannot be opened again: " + bare(o.err).Error(), Next: "none of it is read"})
		o.close()
		s.in[i].done = true
		return false
	}
	s.mu.Lock()
	s.in[i] = o.in
	s.mu.Unlock()
	if s.closed() {
		o.in.close() // Close has not seen it
	}
	return true
}
