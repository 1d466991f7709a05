package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Beside each other the kernel's word and the wire's agree on every socket but one: the close that hides behind a shut
// window, which the packets had left possible.
func TestBothSideBySide(t *testing.T) {
	h := newHosts(t)
	var out, errs bytes.Buffer
	ended := make(chan int)
	go func() {
		ended <- execute(t.Context(), []string{"stats", "--both", "-i", "h1", "--netns", h.names[1], "--duration", "6s", "-o", "json"}, nil, &out, &errs)
	}()
	time.Sleep(700 * time.Millisecond) // until it captures
	h.leaveInEveryState(t)
	if code := <-ended; code != exitFine {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	want := map[string]int{}
	for _, state := range h.kernelSays(t, 1) {
		want[state.String()]++
	}
	rows := 0
	for line := range strings.Lines(out.String()) {
		var x struct {
			Event, Side, State string
			Kernel, Wire       int
			Differ, Refuted    int
			NoPacket           int `json:"no_packet"`
			NoSocket           int `json:"no_socket"`
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		hidden := 0
		if x.Event == "total" || x.State == "FIN_WAIT1" {
			hidden = 1
		}
		if x.Differ != hidden || x.Refuted != 0 || x.NoPacket != 0 || x.NoSocket != 0 {
			t.Errorf("not as the kernel has it: %s", line)
		}
		if x.Event == "both" {
			if rows++; x.Side != "server" || x.Kernel != want[x.State] {
				t.Errorf("the kernel has %v: %s", want, line)
			}
		}
	}
	if rows != len(want)-1 { // and the listener
		t.Errorf("%d rows of %v:\n%s", rows, want, out.String())
	}
}
