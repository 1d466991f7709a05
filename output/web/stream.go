package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxStreams bounds the streams of events that are open at once.
	maxStreams = 64
	// streamBatch is how many events are written between two looks, each within streamWrite or the reader is cut off; it
	// resumes where it was, if the ring still has that.
	streamBatch = 256
	streamWrite = 10 * time.Second
	// streamBeat is after how long a stream without events shows that it lives.
	streamBeat = 15 * time.Second
	// statusEvery is how often a stream says how the run goes.
	statusEvery = time.Second
)

// runName names a run by when its server began.
func runName(now time.Time) string { return strconv.FormatInt(now.UnixNano(), 36) }

// stream sends events as they come, from behind Last-Event-ID or ?after= on: server-sent events.
func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	want, word := parseTopics(r.FormValue("events"))
	if word != "" {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("there are no events %q", word), "connection, finding, transition")
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("%d streams are open, no more can be", maxStreams), "close another page")
		return
	}
	t := &streamer{s: s, w: w, control: http.NewResponseController(w)}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if t.control.SetReadDeadline(time.Time{}) != nil { // the request has been read, and the stream goes on for longer
		return
	}
	w.WriteHeader(http.StatusOK)
	t.resume(r)
	t.run(r.Context(), want)
}

// streamer is one stream.
type streamer struct {
	s       *server
	w       http.ResponseWriter
	control *http.ResponseController
	at      uint64
	told    time.Time // when the status was
}

// resume finds where the stream goes on: at the latest event where nothing is asked for.
func (t *streamer) resume(r *http.Request) {
	asked := r.Header.Get("Last-Event-ID")
	if asked == "" {
		asked = r.FormValue("after")
	}
	run, number, _ := strings.Cut(asked, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	switch {
	case asked == "":
		t.at = t.s.Store.ring.latest()
	case asked == "0":
		t.at = 0
	case run != t.s.run || err != nil:
		t.lost(nil) // another run: nobody can tell how many
	default:
		t.at = n
	}
}

// run writes until the reader goes, or is too slow.
func (t *streamer) run(ctx context.Context, want topics) {
	for ctx.Err() == nil {
		list, at, gone, more := t.s.Store.ring.after(t.at, want, streamBatch)
		if t.deadline() != nil {
			return
		}
		if gone > 0 && t.lost(&gone) != nil {
			return
		}
		for _, e := range list {
			if _, err := fmt.Fprintf(t.w, "id: %s-%d\nevent: %s\ndata: %s\n\n", t.s.run, e.id, topicName(e.topic), e.line); err != nil {
				return
			}
		}
		t.at = at
		if t.status() != nil || t.control.Flush() != nil {
			return
		}
		if len(list) == streamBatch {
			continue
		}
		if !t.wait(ctx, more) {
			return
		}
	}
}

// wait waits for more, and keeps the stream alive meanwhile.
func (t *streamer) wait(ctx context.Context, more <-chan struct{}) bool {
	beat, cancel := context.WithTimeout(ctx, streamBeat)
	defer cancel()
	select {
	case <-more:
		return true
	case <-beat.Done():
		if ctx.Err() != nil || t.deadline() != nil {
			return false
		}
		_, err := fmt.Fprint(t.w, ": alive\n\n")
		return err == nil
	}
}

// deadline gives the next write its time.
func (t *streamer) deadline() error {
	return t.control.SetWriteDeadline(t.s.Now().Add(streamWrite))
}

// lost says how many events are gone, null where nobody can tell.
func (t *streamer) lost(n *uint64) error {
	text, err := json.Marshal(map[string]any{"event": "lost", "events": n})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.w, "event: lost\ndata: %s\n\n", text)
	return err
}

// status says how the run goes, at most once a second.
func (t *streamer) status() error {
	now := t.s.Now()
	if now.Sub(t.told) < statusEvery {
		return nil
	}
	t.told = now
	text, err := json.Marshal(t.s.account())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.w, "event: status\ndata: %s\n\n", text)
	return err
}

func topicName(t topics) string {
	for name, topic := range topicNames {
		if topic == t {
			return name
		}
	}
	return "message"
}
