package pipeline_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const recordings = "../../testdata/pcaps"

// truth is what the two kernels said while a recording was made.
type truth struct {
	End   float64 `json:"end"`
	Conns []struct {
		ClientAddr string `json:"client_addr"`
		ServerAddr string `json:"server_addr"`
		Client     ending `json:"client"`
		Server     ending `json:"server"`
	} `json:"conns"`
}

// ending is one end's states as its kernel had them.
type ending struct {
	States []kernelState `json:"states"`
}

// kernelState is a state and when it began, in seconds since 1970.
type kernelState struct {
	at    float64
	state tracker.State
}

func (k *kernelState) UnmarshalJSON(text []byte) error {
	var pair [2]any
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	at, _ := pair[0].(float64)
	name, _ := pair[1].(string)
	state, ok := tcp.ParseState(name)
	if !ok {
		return fmt.Errorf("no state %q", name)
	}
	*k = kernelState{at, state}
	return nil
}

// packet is what the scorer has to know of a packet, to tell changes that a packet shows from those that none shows.
type packet struct {
	at           float64
	sport, dport uint16
	flags        tcp.Flags
}

// claim is what the tracker says of an end from some time on.
type claim struct {
	at       float64
	state    tracker.State
	possible tracker.StateSet
}

// ends names a connection by its two ends.
type ends struct{ client, server string }

// observer keeps what passes between a capture and the tracker's sink.
type observer struct {
	capture.Source
	packets     []packet
	claims      map[ends]*[2][]claim
	connections []tracker.Connection
	transitions uint64
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

func (o *observer) Read(segs []tcp.Segment) (int, error) {
	n, err := o.Source.Read(segs)
	for i := range segs[:n] {
		src, dst := segs[i].Ends()
		o.packets = append(o.packets, packet{seconds(segs[i].Time), src.Port, dst.Port, segs[i].Flags})
	}
	return n, err
}

// Finding does nothing: a connection's line names its findings.
func (*observer) Finding(*anomaly.Finding) {}

func (o *observer) Transition(t *tracker.Transition) {
	o.transitions++
	key := ends{t.Client.String(), t.Server.String()}
	if o.claims[key] == nil {
		o.claims[key] = &[2][]claim{}
	}
	o.claims[key][t.Side] = append(o.claims[key][t.Side], claim{seconds(t.Time), t.To, t.Possible})
}

func (o *observer) Connection(c *tracker.Connection) { o.connections = append(o.connections, *c) }
func (o *observer) Flush() error                     { return nil }

// observe runs a recording through the pipeline.
func observe(t *testing.T, file string) (*observer, pipeline.Result) {
	t.Helper()
	src, err := capture.Open([]string{file}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := &observer{Source: src, claims: map[ends]*[2][]claim{}}
	result, err := pipeline.Run(context.Background(), o, pipeline.Config{Sink: o, Transitions: true, Connections: true})
	if err != nil {
		t.Fatal(err)
	}
	return o, result
}

// of returns what was claimed of one side of a connection, also when client and server were taken for each other.
func (o *observer) of(client, server string, side tracker.Side) []claim {
	if c := o.claims[ends{client, server}]; c != nil {
		return c[side]
	}
	if c := o.claims[ends{server, client}]; c != nil {
		return c[1-side]
	}
	return nil
}

// The end at which a capture was taken can be right all of the time: all that its kernel received or sent is in the
// capture. Here it is, for every recording, without exceptions.
func TestNearEndAgreesWithItsKernel(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(recordings, "*", "truth.json"))
	if err != nil || len(dirs) < 20 {
		t.Fatalf("%d recordings, %v", len(dirs), err)
	}
	var right, hidden, covered float64
	for _, name := range dirs {
		dir := filepath.Dir(name)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			for side, file := range []string{"c.pcap.gz", "s.pcap.gz"} {
				s := scoreNear(t, dir, file, tracker.Side(side))
				right, hidden, covered = right+s.right, hidden+s.hidden, covered+s.covered
			}
		})
	}
	t.Logf("right for %.0f s; of %.0f s that no packet shows, %.0f s are covered by the possible states", right, hidden, covered)
	if right < 500 || covered < 0.99*hidden {
		t.Errorf("right for %.0f s, covered %.0f of %.0f hidden s", right, covered, hidden)
	}
}

// scoreNear holds one capture against the kernel of its own host.
func scoreNear(t *testing.T, dir, file string, side tracker.Side) (total score) {
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var said truth
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	o, _ := observe(t, filepath.Join(dir, file))
	for _, conn := range said.Conns {
		var cport uint16
		fmt.Sscan(conn.ClientAddr[strings.LastIndexByte(conn.ClientAddr, ':')+1:], &cport)
		states := conn.Client.States
		if side == tracker.Server {
			states = conn.Server.States
		}
		e := scoredEnd{states: states, side: side, cport: cport, packets: o.packets}
		s := compare(e.stretches(), o.of(conn.ClientAddr, conn.ServerAddr, side), said.End)
		for _, w := range s.wrong {
			t.Errorf("%s, %s %s: at %.3f for %.3f s its kernel is in %v, we say %v", file, side, conn.ClientAddr, w.at, w.seconds, w.truth, w.claimed)
		}
		total.right, total.hidden, total.covered = total.right+s.right, total.hidden+s.hidden, total.covered+s.covered
	}
	return total
}

// What cannot be known behind a shut window is left open, and what can is said.
func TestShutWindows(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(recordings, "zero-window", "expect.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expect struct {
		Client, Server string
		Traces         map[string]struct {
			Truth           string
			Final, Possible []string
		}
	}
	if err := json.Unmarshal(text, &expect); err != nil {
		t.Fatal(err)
	}
	for name, want := range expect.Traces {
		t.Run(name, func(t *testing.T) {
			o, _ := observe(t, filepath.Join(recordings, "zero-window", name+".pcap.gz"))
			claims := o.of(expect.Client, expect.Server, tracker.Server)
			if len(claims) == 0 {
				t.Fatal("nothing is said of the server")
			}
			last := claims[len(claims)-1]
			if !slices.Contains(want.Final, last.state.String()) {
				t.Errorf("server is said to be in %v, its kernel: %s", last.state, want.Truth)
			}
			for _, s := range want.Possible {
				if state, _ := tcp.ParseState(s); !last.possible.Has(state) {
					t.Errorf("possible are %v, without %s", last.possible, s)
				}
			}
		})
	}
}

// What is counted in one place agrees with what can be counted in another.
func TestCountsAgree(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordings, "*", "*.pcap.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		o, r := observe(t, file)
		var packets, skipped uint64
		states := [tcp.NumStates][tcp.NumStates]uint64{}
		for _, c := range o.connections {
			packets += c.Client.Packets + c.Server.Packets
			states[c.Client.State][c.Server.State]++
		}
		for _, s := range r.Capture.Skipped {
			skipped += s.Packets
		}
		if packets+skipped != r.Capture.Packets {
			t.Errorf("%s: %d packets in connections and %d skipped of %d read", file, packets, skipped, r.Capture.Packets)
		}
		if uint64(len(o.connections)) != r.Tracker.Connections || r.Tracker.Live != 0 {
			t.Errorf("%s: %d connections retired of %d begun, %d live", file, len(o.connections), r.Tracker.Connections, r.Tracker.Live)
		}
		if o.transitions != r.Tracker.Transitions || states != r.Tracker.States {
			t.Errorf("%s: %d transitions, counted %d; states %v, counted %v", file, o.transitions, r.Tracker.Transitions, states, r.Tracker.States)
		}
		if records := recordsOf(t, file); records != r.Capture.Packets {
			t.Errorf("%s: %d records, %d read", file, records, r.Capture.Packets)
		}
	}
}

// recordsOf walks a pcap file by its lengths alone.
func recordsOf(t *testing.T, file string) (n uint64) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for pos := 24; pos+16 <= len(text); n++ {
		pos += 16 + int(text[pos+8]) + int(text[pos+9])<<8 + int(text[pos+10])<<16
	}
	return n
}

// round cuts a time to milliseconds, for messages.
func round(s float64) float64 { return math.Round(s*1000) / 1000 }
