package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/incident"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/output/tui"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const topHelp = `Fill the terminal with what lives: connections with the state of each end, the worst
first; a connection closely, with its last packets, its window and what was found; how
many are in which states; the busiest clients; the findings. ? lists the keys.

Live, the capture never waits for the screen. The headers of the last packets are kept
in memory (--ring), for the ladder and for w, which saves a connection's packets.

Of a file, [ and ] move through its time. A step is about a sixtieth of it, at least 1 ms.
The state at a moment is found by reading up to there: a step on reads that step, a step
back reads the file from its beginning, 2 to 6 seconds of a processor for a million
packets, and the screen goes on meanwhile. Memory is what reading once takes, wherever
one moves.`

const topExample = `  tcptrack top -i eth0                        as it happens
  tcptrack top hang.pcap                      of a capture, from its end; [ goes back in time
  tcptrack top -i eth0 tcp port 443           some of the packets
  tcptrack top -i any -Y 'port:443 idle:>30s' some of the connections; / changes that`

// topOptions are the flags of top: those of live, of files, and its own.
type topOptions struct {
	liveOptions
	keep      string
	directory string

	want  *query.Selection
	rules map[string]anomaly.Limits
	mode  capture.ChecksumMode
	room  int // octets of the ring
}

// newTop builds the command.
func newTop() *cobra.Command {
	var o topOptions
	cmd := &cobra.Command{
		Use:     "top {[-i INTERFACE [FILTER]] | FILE...}",
		Short:   "Watch connections on the full screen, live or through the time of a capture",
		Long:    topHelp,
		Example: topExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.take(cmd, args); err != nil {
				return err
			}
			if err := o.fits(cmd.Flags(), len(o.files) == 0); err != nil {
				return err
			}
			return o.top(cmd)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.liveFlags(f)
	f.Lookup("snaplen").Usage = "keep `N` octets of each packet, 0 all"
	f.StringArrayVarP(&o.files, "read", "r", nil, "read `FILE`, as if named alone; words behind it are a filter")
	o.packetFlags(f)
	o.selection.add(cmd)
	f.StringVar(&o.keep, "ring", defaultRing, "keep the last packets, `SIZE` of them, in memory")
	f.StringVar(&o.directory, "save-to", ".", "let w save in `DIRECTORY`")
	f.StringVar(&o.color, "color", "auto", "colours `WHEN`: auto, always, never")
	o.thresholds.register(f)
	numericFlag(f)
	f.StringVar(&o.cpuProfile, "cpuprofile", "", "write a CPU profile to `FILE`")
	f.MarkHidden("cpuprofile")
	return cmd
}

// top checks what the flags ask for, and fills the screen until somebody quits.
func (o *topOptions) top(cmd *cobra.Command) error {
	stdin, stdout, stderr := cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := o.checkTop(stdin, stdout); err != nil {
		return err
	}
	stop, err := profile(o.cpuProfile)
	if err != nil {
		return err
	}
	defer stop()
	ctx, end := context.WithCancel(cmd.Context())
	defer end()
	if len(o.files) > 0 {
		return o.replay(ctx, stdin, stdout)
	}
	return o.topLive(ctx, stdin, stdout, stderr)
}

// checkTop refuses what cannot be, before anything is opened.
func (o *topOptions) checkTop(stdin io.Reader, stdout io.Writer) error {
	instead := "tcptrack live prints what happens, live -o json for programs"
	if len(o.files) > 0 {
		instead = "tcptrack read " + again(o.files) + " prints what there is, read -o json for programs"
	}
	kind := os.Getenv("TERM")
	switch {
	case readOnce(o.files) != "":
		return &problem{fmt.Errorf("top reads a capture again to go back in time, and %s can be read once", readOnce(o.files)), "save it first: cat >hang.pcap"}
	case !isTerminal(stdout):
		return &problem{errors.New("top fills a terminal's screen, and standard output is no terminal"), instead}
	case !isTerminal(stdin):
		return &problem{errors.New("top takes its keys from a terminal, and standard input is none"), instead}
	case kind == "" || kind == "dumb":
		return &problem{fmt.Errorf("top moves the cursor, and a terminal of the kind TERM=%q does not", kind), instead}
	case !slices.Contains(colorWords, o.color):
		return unknownWord("colour mode", o.color, colorWords)
	case o.duration < 0:
		return &problem{fmt.Errorf("--duration %s: already over", o.duration), "a time to capture, as 30s or 5m"}
	}
	checksum := slices.Index(checksumWords, o.checksum)
	if checksum < 0 {
		return unknownWord("checksum mode", o.checksum, checksumWords)
	}
	o.mode = []capture.ChecksumMode{capture.ChecksumAuto, capture.ChecksumOff, capture.ChecksumAll}[checksum]
	ring, err := parseBytes("--ring", o.keep)
	if err != nil {
		return err
	}
	if most := int64(machineMemory() / 2); ring < incident.MinRing || ring > most {
		return &problem{fmt.Errorf("--ring %s: must be from 64KiB to half of the memory, %dMiB", o.keep, most>>20), "64MiB hold some 250000 packets of headers"}
	}
	o.room = int(ring)
	if info, err := os.Stat(o.directory); err != nil || !info.IsDir() {
		return &problem{fmt.Errorf("--save-to %s: no such directory", o.directory), "make it, or name another"}
	}
	if o.rules, err = o.thresholds.limits(); err != nil {
		return err
	}
	o.want, err = o.selection.parse()
	return err
}

// fullScreen is where the frames go: a file, by way of an outlet, so that the end does not wait for a terminal that takes
// nothing.
type fullScreen struct {
	*os.File
	outlet *outlet
}

func (t fullScreen) Write(p []byte) (int, error) { return t.outlet.Write(p) }

// screen shows the Model until somebody quits or ctx ends.
func (o *topOptions) screen(ctx context.Context, stdin io.Reader, stdout io.Writer, link tui.Link) error {
	out := fileOf(stdout)
	color := useColor(o.color, stdout)
	t := fullScreen{out, newOutlet(ctx, out, "the terminal", nil)}
	p := tea.NewProgram(tui.New(link, tui.Style{Color: color}, o.want),
		tea.WithContext(ctx), tea.WithInput(stdin), tea.WithOutput(t), tea.WithFPS(tui.FramesPerSecond), tea.WithoutSignalHandler(),
		tea.WithColorProfile(colorprofile.ANSI)) // told, so that nothing is asked of the environment
	_, err := p.Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		err = nil // as it was told to
	}
	return errors.Join(err, t.outlet.end())
}

// topNotes are lines for the screen, the oldest of too many given up.
type topNotes chan string

func newTopNotes() topNotes { return make(topNotes, 16) }

func (n topNotes) say(text string) {
	for {
		select {
		case n <- text:
			return
		default:
		}
		select {
		case <-n:
		default:
		}
	}
}

// next takes a note, "" for none.
func (n topNotes) next() string {
	select {
	case text := <-n:
		return text
	default:
		return ""
	}
}

// Write takes what is meant for standard error, which the screen covers.
func (n topNotes) Write(p []byte) (int, error) {
	n.say(printable(strings.Join(strings.Fields(strings.TrimPrefix(string(p), "tcptrack: ")), " ")))
	return len(p), nil
}

// saveName is a file in the directory that is not there yet, for a connection's packets.
func (o *topOptions) saveName(r *tui.Row) (string, error) {
	base := fmt.Sprintf("tcptrack-conn%d-%s-%s", r.Conn, r.Ends[tracker.Client], r.Ends[tracker.Server])
	base = strings.NewReplacer(":", "_", "[", "", "]", "", "%", "_").Replace(base)
	const most = 1000
	for i := range most {
		name := filepath.Join(o.directory, base+".pcapng")
		if i > 0 {
			name = filepath.Join(o.directory, fmt.Sprintf("%s-%d.pcapng", base, i+1))
		}
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			return name, nil
		}
	}
	return "", fmt.Errorf("%s holds %d files of that connection", o.directory, most)
}

// The screen is looked for anew so often, and so soon after it asked for something else.
const (
	topEvery = 500 * time.Millisecond
	topSoon  = time.Second / tui.FramesPerSecond
)
