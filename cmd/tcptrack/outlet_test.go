package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// notes is a buffer that is written and read at once.
type notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

// await waits until the notes hold text.
func (n *notes) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(n.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in %q", text, n.String())
		}
	}
}

// A reader that hangs is told of, and once we are to end it is waited for no longer; what it misses is counted.
func TestOutletGivesUpAHungReader(t *testing.T) {
	reader, to := io.Pipe()
	ctx, end := context.WithCancel(t.Context())
	var told notes
	o := newOutlet(ctx, to, "standard output", &told)
	go func() { reader.Read(make([]byte, 4)) }() // takes the first line, and then hangs
	written := make(chan error)
	go func() {
		_, err := o.Write([]byte("one\ntwo\nthree\n"))
		written <- err
	}()
	told.await(t, "standard output takes nothing")
	select {
	case <-written:
		t.Fatal("given up before the end")
	default:
	}
	end()
	select {
	case err := <-written:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("waits for ever")
	}
	if n, err := o.Write([]byte("four\n")); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	// A piece is taken whole or not at all as far as we know, so its first line counts as lost.
	if err := o.end(); err == nil || !strings.Contains(err.Error(), "19 octets lost") {
		t.Error(err)
	}
}

// A reader that is slow, before and after the end, gets everything.
func TestOutletWaitsForASlowReader(t *testing.T) {
	reader, to := io.Pipe()
	ctx, end := context.WithCancel(t.Context())
	end()
	var told notes
	o := newOutlet(ctx, to, "standard output", &told)
	text := bytes.Repeat([]byte("0123456789abcde\n"), 4*piece/16)
	got := make(chan []byte)
	go func() {
		var all []byte
		for len(all) < len(text) {
			time.Sleep(graceTime / 5)
			p := make([]byte, piece)
			n, _ := io.ReadFull(reader, p)
			all = append(all, p[:n]...)
		}
		got <- all
	}()
	if _, err := o.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := o.end(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(<-got, text) || told.String() != "" {
		t.Errorf("not what was written; %q", told.String())
	}
}

// The error of a write is the writer's.
func TestOutletTellsErrors(t *testing.T) {
	reader, to := io.Pipe()
	reader.Close()
	o := newOutlet(t.Context(), to, "standard output", nil)
	if _, err := o.Write([]byte("lost\n")); !isBrokenPipe(err) {
		t.Error(err)
	}
}
