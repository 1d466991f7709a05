package web

import (
	"bytes"
	"strings"
	"sync"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/jsonl"
)

// Bounds of what is kept for streams that resume.
const (
	maxEvents     = 1 << 15
	maxEventBytes = 16 << 20
)

// topics are the kinds of events that a stream may ask for, a bit each.
type topics uint8

const (
	topicConnection topics = 1 << iota
	topicFinding
	topicTransition
)

var topicNames = map[string]topics{"connection": topicConnection, "finding": topicFinding, "transition": topicTransition}

// event is one line of JSON with its number.
type event struct {
	id    uint64
	topic topics
	line  []byte // without the line's end; not changed once it is here
}

// ring keeps the last events. Who reads takes what it has not seen; who is slower than the ring finds that some are gone.
type ring struct {
	mu     sync.Mutex
	events []event // in order of their numbers, which have no gaps
	from   int     // where they begin
	last   uint64  // number of the latest, from 1
	bytes  int
	news   chan struct{} // closed when there is more

	buf    bytes.Buffer // the applier's
	writer *jsonl.Writer
}

func (r *ring) init() {
	r.news = make(chan struct{})
	r.writer = jsonl.New(&r.buf, output.Events{Connection: true, Finding: true, Transition: true})
}

// publish adds a batch, on the applier's goroutine.
func (r *ring) publish(b *inbox) {
	var list []event
	l, m, f := 0, 0, 0
	for _, k := range b.order {
		topic := topicConnection
		switch k {
		case living:
			l++
			continue
		case ended:
			r.writer.Connection(&b.lines[l])
			l++
		case moved:
			topic = topicTransition
			r.writer.Transition(&b.moves[m])
			m++
		case found:
			topic = topicFinding
			r.writer.Finding(&b.findings[f])
			f++
		}
		r.writer.Flush() // to memory, which takes it
		list = append(list, event{topic: topic, line: bytes.Clone(bytes.TrimSuffix(r.buf.Bytes(), []byte("\n")))})
		r.buf.Reset()
	}
	r.add(list, b.news)
}

// add numbers events and lets go of the oldest beyond the bounds; wake wakes who waits even if there are none.
func (r *ring) add(list []event, wake bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range list {
		r.last++
		e.id = r.last
		r.events = append(r.events, e)
		r.bytes += len(e.line)
	}
	for len(r.events)-r.from > maxEvents || r.bytes > maxEventBytes {
		r.bytes -= len(r.events[r.from].line)
		r.events[r.from].line = nil
		r.from++
	}
	if r.from > maxEvents {
		r.events = append(r.events[:0:0], r.events[r.from:]...)
		r.from = 0
	}
	if len(list) > 0 || wake {
		close(r.news)
		r.news = make(chan struct{})
	}
}

// after returns at most n events behind number id that are of the topics, the number of the latest that was looked at, how
// many before them are gone, and what is closed when there is more.
func (r *ring) after(id uint64, want topics, n int) (list []event, at, gone uint64, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.last + 1 - uint64(len(r.events)-r.from)
	id = min(id, r.last)
	if id+1 < first {
		gone, id = first-id-1, first-1
	}
	for i := r.from + int(id+1-first); i < len(r.events) && len(list) < n; i++ {
		if id++; r.events[i].topic&want != 0 {
			list = append(list, r.events[i])
		}
	}
	return list, id, gone, r.news
}

// latest is the number of the latest event.
func (r *ring) latest() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// parseTopics reads a list of kinds of events, nothing being all but transitions; the word is one that there is not.
func parseTopics(list string) (want topics, word string) {
	if list == "" {
		return topicConnection | topicFinding, ""
	}
	for _, name := range strings.Split(list, ",") {
		topic, ok := topicNames[strings.TrimSpace(name)]
		if !ok {
			return 0, name
		}
		want |= topic
	}
	return want, ""
}
