package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/incident"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// incidents are the flags of the packets that are kept in memory, and saved when something goes wrong.
type incidents struct {
	ring      string
	directory string
	level     string
	pre, post time.Duration
	limit     string
}

// What is kept and saved unless told otherwise: some minutes of the headers of a busy server, and a disk's small part.
const (
	defaultRing  = "64MiB"
	defaultLimit = "1GiB"
	defaultLevel = "warning"
	defaultPre   = 10 * time.Second
	defaultPost  = 30 * time.Second
)

// add adds the flags.
func (i *incidents) add(f *pflag.FlagSet) {
	f.StringVar(&i.directory, "save-anomalies", "", "save the packets of a connection that goes wrong in a file of `DIRECTORY`, from before the incident on")
	f.StringVar(&i.ring, "ring", defaultRing, "with --save-anomalies: keep the last packets, `SIZE` of them, in memory")
	f.StringVar(&i.level, "save-level", defaultLevel, "with --save-anomalies: for findings of `LEVEL` or worse: info, notice, warning, critical")
	f.DurationVar(&i.pre, "pre", defaultPre, "with --save-anomalies: from `TIME` before what was found began")
	f.DurationVar(&i.post, "post", defaultPost, "with --save-anomalies: to `TIME` after it was found")
	f.StringVar(&i.limit, "save-limit", defaultLimit, "with --save-anomalies: let files of ours take `SIZE` of the disk, the oldest giving way")
}

// config reads the flags; nil if nothing is to be saved.
func (i *incidents) config() (*incident.Config, error) {
	level, ok := anomaly.ParseSeverity(i.level)
	if !ok && i.level != "" {
		return nil, unknownWord("level", i.level, levelWords)
	}
	if i.directory == "" {
		if name := i.stray(); name != "" {
			return nil, &problem{fmt.Errorf("--%s is about packets that are saved, and nothing says where", name), "add --save-anomalies DIRECTORY"}
		}
		return nil, nil
	}
	ring, err := ringSize(i.ring)
	if err != nil {
		return nil, err
	}
	limit, err := parseBytes("--save-limit", i.limit)
	if err != nil {
		return nil, err
	}
	if i.pre < 0 || i.post < 0 {
		return nil, &problem{errors.New("--pre and --post are spans of time"), "as 10s or 2m"}
	}
	return &incident.Config{
		Ring: ring, Directory: i.directory, Level: level, Pre: int64(i.pre), Post: int64(i.post), Limit: limit,
		Application: "tcptrack " + version,
	}, nil
}

// stray is a flag that was given another value than its own, though nothing is saved; "" if none was.
func (i *incidents) stray() string {
	switch {
	case *i == incidents{}: // of a command without these flags
	case i.ring != defaultRing:
		return "ring"
	case i.level != defaultLevel:
		return "save-level"
	case i.pre != defaultPre:
		return "pre"
	case i.post != defaultPost:
		return "post"
	case i.limit != defaultLimit:
		return "save-limit"
	}
	return ""
}

// ringSize reads --ring.
func ringSize(text string) (int, error) {
	ring, err := parseBytes("--ring", text)
	if err != nil {
		return 0, err
	}
	most := int64(machineMemory() / 2)
	if ring < incident.MinRing || ring > most {
		return 0, &problem{fmt.Errorf("--ring %s: must be from 64KiB to half of the memory, %dMiB", text, most>>20), "256MiB hold about a million packets of headers"}
	}
	return int(ring), nil
}

// parseBytes reads a number of octets: 65536, 64KiB, 256MiB, 2GiB.
func parseBytes(flag, text string) (int64, error) {
	number, unit := text, int64(1)
	for k, name := range []string{"KiB", "MiB", "GiB"} {
		if rest, ok := strings.CutSuffix(text, name); ok {
			number, unit = rest, 1<<(10*(k+1))
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)/unit {
		return 0, &problem{fmt.Errorf("%s %s: not a size", flag, text), "octets, or with KiB, MiB or GiB: 256MiB"}
	}
	return n * unit, nil
}

// tap stands before the sink of the events: what is saved goes by the findings, and is handed on when the lines are.
type tap struct {
	pipeline.Sink
	saving      *saving
	connections bool // the sink wants to see them
}

func (t tap) Finding(f *anomaly.Finding) {
	if s := t.saving; s.keeper != nil {
		s.mu.Lock()
		s.keeper.Finding(f)
		s.mu.Unlock()
	}
	t.Sink.Finding(f)
}

func (t tap) Connection(c *tracker.Connection) {
	if s := t.saving; s.keeper != nil {
		s.mu.Lock()
		s.keeper.Connection(c)
		s.mu.Unlock()
	}
	if t.connections {
		t.Sink.Connection(c)
	}
}

func (t tap) Flush() error {
	t.saving.flush()
	return t.Sink.Flush()
}

// pipe puts the saving into a pipeline's configuration.
func (s *saving) pipe(cfg *pipeline.Config) {
	if !s.wanted() {
		return
	}
	cfg.Sink = tap{cfg.Sink, s, cfg.Connections}
	next := cfg.Progress
	cfg.Progress = func(c capture.Stats) {
		s.mu.Lock()
		if s.saver != nil {
			s.saver.Dropped(c.Dropped)
		}
		if s.keeper != nil {
			s.keeper.Settled(c.Dropped)
		}
		s.mu.Unlock()
		if next != nil {
			next(c)
		}
	}
	cfg.Connections = cfg.Connections || s.keeper != nil // for the states of those that retire
}

// tell says what was saved of the incidents. The error says that something could not be.
func (s *saving) tell(a *incident.Account) error {
	var more []string
	for _, c := range []struct {
		n    uint64
		text string
	}{
		{uint64(a.Short), "without all of the time before: the ring had lost it (a larger --ring keeps more)"},
		{uint64(a.Crowded), "incidents not saved: too many at once"},
		{a.Unsaved, "packets of incidents not saved"},
		{a.Refused, "packets larger than the ring takes"},
		{uint64(a.Removed), "older files removed to stay within --save-limit"},
	} {
		if c.n > 0 {
			more = append(more, fmt.Sprintf("; %d %s", c.n, c.text))
		}
	}
	if len(more) > 0 || a.Files > 0 && !s.quiet {
		fmt.Fprintf(s.stderr, "tcptrack: incidents: %s in %s, %s%s\n", output.Count(uint64(a.Files), "file"), printable(a.Directory),
			output.Count(a.Packets, "packet"), strings.Join(more, ""))
	}
	if a.Err != nil {
		return &problem{fmt.Errorf("save in %s: %w", a.Directory, a.Err), "make room, name another directory, or raise --save-limit"}
	}
	return nil
}
