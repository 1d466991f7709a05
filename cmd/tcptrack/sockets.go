package main

import (
	"context"
	"time"

	"github.com/tcptrack/tcptrack/internal/sockets"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

const (
	// The kernel is asked every second. A scan that takes longer than a tenth of that is followed by a rest of nine times
	// its length, so that asking never costs more than a tenth of a processor.
	scanEvery = time.Second
	scanRest  = 9

	// maxSockets bounds the sockets that are remembered from scan to scan, maxMissing those that a scan missed and that
	// are asked about one by one, maxQuestions the questions of findings that wait.
	maxSockets   = 1 << 18
	maxMissing   = 1 << 12
	maxQuestions = 1 << 8
)

// asker asks the kernel, on a goroutine of its own.
type asker struct {
	do        func(func())
	reader    *sockets.Reader
	owners    sockets.Owners
	questions chan question
	answers   chan answers // taken before the next is asked for

	seen    map[socket]uint64 // sockets that the kernel has had of late, with the scan that saw them last
	scans   uint64
	leftOut uint64
	told    bool  // that the kernel does not answer
	failed  error // and that is not yet told
}

// socket names one end of a connection, the kernel's own.
type socket struct {
	flow  tcp.FlowKey
	local tcp.Dir
}

// question is about both ends of a connection: either may be the kernel's own.
type question struct{ client, server tcp.Endpoint }

// answers are words that the kernel said together.
type answers struct {
	words          []tracker.Word
	asked          bool // for a finding
	scans, leftOut uint64
	failed         error // the kernel does not answer; once
}

// newAsker makes ready to ask. Where rights or the network namespace count, do runs it.
func newAsker(do func(func())) (*asker, error) {
	var r *sockets.Reader
	var err error
	do(func() {
		if err = sockets.Available(); err == nil {
			r, err = sockets.Open()
		}
	})
	if err != nil {
		return nil, &problem{err, "without --sockets all is told from the wire alone"}
	}
	return &asker{do: do, reader: r, questions: make(chan question, maxQuestions), answers: make(chan answers), seen: map[socket]uint64{}}, nil
}

// run asks until ctx ends.
func (a *asker) run(ctx context.Context) {
	defer a.reader.Close()
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		var got answers
		select {
		case <-ctx.Done():
			return
		case q := <-a.questions:
			got = answers{words: a.about(q), asked: true}
		case <-next.C:
			began := time.Now()
			got.words = a.scan()
			took := time.Since(began)
			next.Reset(max(scanEvery-took, scanRest*took))
		}
		got.scans, got.leftOut = a.scans, a.leftOut
		got.failed, a.leftOut, a.failed = a.failed, 0, nil
		select {
		case <-ctx.Done():
			return
		case a.answers <- got:
		}
	}
}

// connected are the states of sockets that belong to a connection.
var connected = ^tcp.Set(tcp.Listen, tcp.Closed, tcp.Unknown)

// scan asks about all sockets; of those that it has missed, about each alone: the kernel's table moves while it is read.
func (a *asker) scan() []tracker.Word {
	a.scans++
	var words []tracker.Word
	began := time.Now().UnixNano()
	err := a.reader.Scan(connected, func(s *sockets.Socket) bool {
		w := wordOf(s)
		k := socket{w.Flow, w.Local}
		if _, known := a.seen[k]; !known && len(a.seen) >= maxSockets {
			a.leftOut++
			return true
		}
		a.seen[k] = a.scans
		words = append(words, w)
		return true
	})
	ended := time.Now().UnixNano()
	for i := range words {
		words[i].Began, words[i].Time = began, ended
	}
	if err != nil {
		a.complain(err)
		return words
	}
	missing := 0
	for k, scan := range a.seen {
		if scan == a.scans {
			continue
		}
		if missing++; missing > maxMissing {
			break // the next scan misses them too
		}
		if w := a.one(k); w != nil {
			words = append(words, *w)
		}
	}
	return words
}

// one asks about a socket that was there; its word is CLOSED if it is there no more. It returns nil if the kernel does not
// answer.
func (a *asker) one(k socket) *tracker.Word {
	local, remote := k.flow.Ends()
	if k.local == tcp.FromB {
		local, remote = remote, local
	}
	w := &tracker.Word{Flow: k.flow, Local: k.local, State: tracker.Closed}
	began := time.Now().UnixNano()
	s, err := a.reader.Ask(local, remote)
	ended := time.Now().UnixNano()
	switch {
	case err != nil:
		a.complain(err)
		return nil
	case s == nil:
		delete(a.seen, k)
	default:
		*w = wordOf(s)
		if s.Inode != 0 {
			var o sockets.Owner
			a.do(func() { o = a.owners.Find([]uint32{s.Inode})[s.Inode] }) // whose files may be seen is a right
			w.PID, w.Command, w.Denied = o.PID, o.Command, o.Denied
		}
	}
	w.Began, w.Time = began, ended
	return w
}

// about asks about both ends of a connection.
func (a *asker) about(q question) (words []tracker.Word) {
	for _, ends := range [...][2]tcp.Endpoint{{q.client, q.server}, {q.server, q.client}} {
		var k socket
		k.flow, k.local = tcp.MakeFlow(ends[0].Addr, ends[1].Addr, ends[0].Port, ends[1].Port, ends[0].V6)
		_, had := a.seen[k]
		// The kernel's silence on an end that it never had says only that it is another host's.
		if w := a.one(k); w != nil && (had || w.State != tracker.Closed) {
			words = append(words, *w)
		}
	}
	return words
}

func (a *asker) complain(err error) {
	if !a.told {
		a.told, a.failed = true, err
	}
}

// wordOf puts what the kernel says in the tracker's words.
func wordOf(s *sockets.Socket) tracker.Word {
	w := tracker.Word{
		State: s.State, RecvQueue: s.RecvQueue, SendQueue: s.SendQueue, Unsent: s.Info.Unsent, Memory: s.Memory.Total(),
		Timer: s.Timer.String(), Expires: int64(s.Expires), Retries: s.Retries, UID: s.UID, Orphan: s.Orphan(), Unaccepted: s.Unaccepted(),
	}
	w.Flow, w.Local = s.Flow()
	return w
}
