package main

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/output/tui"
	"github.com/tcptrack/tcptrack/tracker"
)

// Wherever one comes from, forwards, backwards or in haste, a moment of a capture shows the same.
func TestReplayShowsTheSameFromEverySide(t *testing.T) {
	o := &topOptions{room: 1 << 20, mode: capture.ChecksumAuto}
	o.files = []string{"../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz"}
	r := &replay{o: o, notes: newTopNotes(), wake: make(chan struct{}, 1), goal: atEnd}
	ctx, stop := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() { failed <- r.run(ctx) }()
	defer func() {
		stop()
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}()
	ask := &tui.Ask{HasFocus: true}
	r.ask.Store(ask)
	r.stir()
	// shown waits for what stands at a time since the first packet.
	shown := func(at time.Duration) *tui.Snapshot {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			if s := r.latest.Load(); s != nil && s.Asked == ask && (s.Now == s.End) == (at < 0) && (at < 0 || s.Now-s.Start == int64(at)) {
				return s
			}
			if time.Now().After(end) {
				t.Fatalf("never at %s", at)
			}
		}
	}
	again := func() { // so that what is shown next is new
		ask = &tui.Ask{HasFocus: true}
		r.ask.Store(ask)
		r.stir()
	}
	end := shown(-1)
	if end.Living != 1 || end.Open[2] != 1 || end.Detail == nil || end.Packets != 28 {
		t.Errorf("at the end: %+v", end)
	}
	r.scrub(-1) // steps are 200 ms
	backwards := map[time.Duration]*tui.Snapshot{14400 * time.Millisecond: shown(14400 * time.Millisecond)}
	for _, at := range []time.Duration{12400, 10400, 400, 200, 0} {
		at *= time.Millisecond
		_, first, _ := r.target()
		r.scrub(int(int64(at)-(r.latest.Load().Now-first)) / int(200*time.Millisecond))
		backwards[at] = shown(at)
	}
	r.scrub(-5)
	again()
	if s := shown(0); s.Packets != 1 || s.Rows[0].Ends[0].State != tracker.SynSent || len(s.Detail.Segments()) != 1 {
		t.Errorf("behind the first packet: %+v, %d segments", s, len(s.Detail.Segments()))
	}
	for _, at := range []time.Duration{0, 200, 400, 10400, 12400, 14400} {
		at *= time.Millisecond
		r.scrub(int(int64(at)-(r.latest.Load().Now-r.latest.Load().Start)) / int(200*time.Millisecond))
		s, b := shown(at), backwards[at]
		if !reflect.DeepEqual(s.Rows, b.Rows) || s.Open != b.Open || s.Packets != b.Packets || !reflect.DeepEqual(s.Detail.Segments(), b.Detail.Segments()) {
			t.Errorf("at %s, forwards %+v, backwards %+v", at, s.Rows, b.Rows)
		}
	}
	for range 50 { // in haste
		r.scrub(-10)
		r.scrub(10)
		r.scrub(-10)
		r.scrub(10)
	}
	r.scrub(1000)
	again()
	if s := shown(-1); !reflect.DeepEqual(s.Rows, end.Rows) {
		t.Errorf("at the end %+v, before %+v", s.Rows, end.Rows)
	}
}

// Steps are round, and there are about sixty or some more of them.
func TestReplaySteps(t *testing.T) {
	for span, want := range map[time.Duration]time.Duration{
		1: time.Millisecond, 70 * time.Millisecond: time.Millisecond, 14400 * time.Millisecond: 200 * time.Millisecond,
		time.Minute: time.Second, time.Hour: 50 * time.Second, 300 * 24 * time.Hour: 200_000 * time.Second,
	} {
		if got := time.Duration(step(int64(span))); got != want {
			t.Errorf("of %s: %s, want %s", span, got, want)
		}
	}
}
