package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/incident"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
)

// saving is what is kept of the packets themselves: all in the files of -w, or those of what goes wrong. It stands between
// the source, which shows it each packet, and the pipeline.
type saving struct {
	name    string
	size    string
	seconds uint
	count   uint
	incidents

	mu    sync.Mutex // a stream's last Read may go on beside finish
	saver *capture.Saver
	cause error  // why saving ended early
	left  uint64 // packets that cannot stand in the file
	over  bool

	keeper *incident.Keeper // nil without --save-anomalies
	also   capture.Recorder // shown the packets where nothing is saved; nil: nobody looks

	stderr io.Writer
	quiet  bool
	stop   func() // ends the run
}

// add adds the flags.
func (s *saving) add(f *pflag.FlagSet) {
	f.StringVarP(&s.name, "write", "w", "", "save the packets in `FILE`: pcapng, or pcap where it ends so; - is standard output")
	f.StringVarP(&s.size, "file-size", "C", "", "with -w: begin another file beyond `SIZE` million octets; k, m, g are units of 1024")
	f.UintVarP(&s.seconds, "file-seconds", "G", 0, "with -w: begin another file after `N` seconds; %Y%m%d%H%M%S in FILE is its time")
	f.UintVarP(&s.count, "file-count", "W", 0, "with -C: keep `N` files, then the first again; with -G: end after N")
	s.incidents.add(f)
}

// wanted says whether anything is to be saved.
func (s *saving) wanted() bool { return s.name != "" || s.directory != "" }

// recorder is what the source shows its packets to, nil if nobody looks. Until begin nothing is read.
func (s *saving) recorder() capture.Recorder {
	if !s.wanted() {
		return s.also
	}
	return s.record
}

// options reads the flags of -w.
func (s *saving) options() (capture.SaveOptions, error) {
	o := capture.SaveOptions{Name: s.name, Every: int64(s.seconds) * 1e9, Count: int(s.count), Zone: time.Local, Application: "tcptrack " + version}
	if s.name == "" && (s.size != "" || s.seconds > 0 || s.count > 0) {
		return o, &problem{errors.New("-C, -G and -W say how files rotate, and -w names none"), "add -w FILE"}
	}
	if s.size != "" {
		n, err := capture.ParseSize(s.size)
		if err != nil {
			return o, &problem{fmt.Errorf("-C %s: %w", s.size, err), "millions of octets, as 100, or with k, m or g, as 512m"}
		}
		o.Size = n
	}
	switch {
	case s.count > 0 && o.Size == 0 && o.Every == 0:
		return o, &problem{errors.New("-W counts files, and nothing begins another"), "add -C SIZE or -G SECONDS"}
	case s.name == "-" && (o.Size > 0 || o.Every > 0):
		return o, &problem{errors.New("-w -: standard output does not rotate"), "name a file, or leave -C and -G out"}
	}
	return o, nil
}

// check says what is wrong with the flags, before anything is opened.
func (s *saving) check() error {
	if _, err := s.options(); err != nil {
		return err
	}
	_, err := s.incidents.config()
	return err
}

// where names the file, or the files.
func (s *saving) where() string {
	if n := s.saver.Files(); n > 1 {
		return fmt.Sprintf("%d files, the last %s", n, s.saver.Name())
	}
	return s.saver.Name()
}

// begin opens the files. start is when the capture begins; 0 with its first packet.
func (s *saving) begin(captures []string, start int64, stdout, stderr io.Writer, stop func()) error {
	s.stderr, s.stop = stderr, stop
	kept, err := s.incidents.config()
	if err != nil {
		return err
	}
	if kept != nil {
		kept.Say = func(text string) { fmt.Fprintf(stderr, "tcptrack: %s\n", printable(text)) }
		if s.keeper, err = incident.New(*kept); err != nil {
			return &problem{err, "name a directory for --save-anomalies that you may write in"}
		}
	}
	opt, err := s.options()
	if err != nil || s.name == "" {
		return err
	}
	if s.name == "-" && isTerminal(stdout) {
		return &problem{errors.New("-w -: standard output is a terminal, and packets are no text"), "name a file, or add a pipe: tcptrack ... -w - | wireshark -k -i -"}
	}
	opt.Captures, opt.Start, opt.Stdout = captures, start, stdout
	s.saver, err = capture.NewSaver(opt)
	return err
}

// record saves a packet.
func (s *saving) record(r *capture.Record, seg *tcp.Segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	if s.keeper != nil {
		s.keeper.Record(r, seg)
	}
	if s.saver == nil {
		return
	}
	if err := s.saver.Write(r); err != nil {
		s.failed(err)
	}
}

// failed says at once what cannot be saved. The run ends unless it is about a single packet: who saves packets does not
// want a report about those that are missing.
func (s *saving) failed(err error) {
	var left *capture.LeftOutError
	if errors.As(err, &left) {
		if s.left++; left.First {
			fmt.Fprintf(s.stderr, "tcptrack: %s: left out: %s\n  such packets are counted; a name ending in .pcapng takes all link types\n", printable(s.saver.Name()), left.What)
		}
		return
	}
	if s.cause != nil {
		return
	}
	s.cause = err
	if errors.Is(err, capture.ErrAllWritten) {
		fmt.Fprintf(s.stderr, "tcptrack: %s written, as many as -W allows: the end\n", output.Count(uint64(s.saver.Files()), "file"))
	} else {
		fmt.Fprintf(s.stderr, "tcptrack: %s; the capture ends here, what was taken is told\n", printable(plainError(err)))
	}
	s.stop()
}

// flush hands on what is buffered.
func (s *saving) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saver != nil {
		if err := s.saver.Flush(); err != nil {
			s.failed(err)
		}
	}
}

// end closes the files. The error says what is not in them.
func (s *saving) end(r *pipeline.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	var unkept error
	if s.keeper != nil {
		account := s.keeper.Close(r.Capture.Dropped)
		unkept = s.tell(&account)
	}
	if s.saver == nil {
		return unkept
	}
	s.saver.Dropped(r.Capture.Dropped)
	if err := s.saver.Close(); err != nil {
		s.failed(err)
	}
	saved, of := s.saver.Saved()
	if !s.quiet {
		fmt.Fprintf(s.stderr, "tcptrack: %s saved in %s\n", output.Count(saved, "packet"), printable(s.where()))
	}
	switch {
	case errors.Is(s.cause, capture.ErrAllWritten):
		return unkept
	case s.cause != nil:
		// Not wrapped: a reader of the packets who goes away has lost some, and that is no ordinary end. Nor is a file of
		// which not even the head could be written, though no packet is missing in it.
		return &problem{fmt.Errorf("%s: %d of %d packets are saved", plainError(s.cause), saved, of), "make room or name another place; what is saved can be read"}
	case saved == of:
		return unkept
	}
	return &problem{fmt.Errorf("save %s: %s left out", s.saver.Name(), output.Count(s.left, "packet")), "a name ending in .pcapng takes all link types"}
}
