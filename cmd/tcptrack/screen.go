package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/tcptrack/tcptrack/output"
)

// screen keeps a frame at the foot of a terminal, below lines that scroll away into its history. It needs no mode of
// the terminal's and leaves none behind:
//
//	lines that were written
//	▮frame      <- here the cursor rests, and its place is saved
//	 frame
//
// so what somebody types lies on the frame and goes with the next one, and a terminal that breaks its lines anew when its
// size changes keeps the cursor where the frame begins. A terminal that takes nothing is left alone; lines wait for it
// within a bound. All is called on one goroutine.
type screen struct {
	out    *outlet // nil until the screen is opened, and after close
	lines  []byte  // whole ones, that the terminal has not been given
	missed int     // that did not fit there

	size          func() (width, height int)
	width, height int  // of the terminal, as painted last
	painted       int  // lines of the frame
	standing      bool // it is there
	lost          bool // the cursor may be anywhere
}

// maxWaiting bounds the lines that wait for the terminal.
const maxWaiting = 1 << 20

// Write takes whole lines, for the next time that the terminal is painted.
func (s *screen) Write(p []byte) (int, error) {
	if len(s.lines)+len(p) > maxWaiting {
		s.missed += bytes.Count(p, []byte{'\n'})
	} else {
		s.lines = append(s.lines, p...)
	}
	return len(p), nil
}

// aside is for what belongs on standard error, which is the same terminal: as long as there may be a frame, it scrolls
// with the other lines.
func (s *screen) aside(stderr io.Writer) io.Writer { return asideOf{s, stderr} }

type asideOf struct {
	screen *screen
	stderr io.Writer
}

func (a asideOf) Write(p []byte) (int, error) {
	if a.screen.out == nil {
		return a.stderr.Write(p)
	}
	return a.screen.Write(p)
}

// terminalSize is the size of the terminal at f.
func terminalSize(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// resized says that the terminal has another size than when it was painted.
func (s *screen) resized() bool {
	width, height := s.size()
	return width != s.width || height != s.height
}

// Control sequences of ECMA-48 and DEC's terminals. Those that do not know synchronised updates ignore them.
const (
	beginUpdate   = "\x1b[?2026h"
	endUpdate     = "\x1b[?2026l"
	eraseBelow    = "\x1b[J"
	eraseLine     = "\x1b[K"
	saveCursor    = "\x1b7"
	restoreCursor = "\x1b8"
)

// paint puts the lines that wait and the frame on the terminal. It waits for nothing: out must be idle.
func (s *screen) paint(frame []string) {
	var b bytes.Buffer
	b.WriteString(beginUpdate)
	s.home(&b)
	if s.standing && (len(s.lines) > 0 || len(frame) == 0 || s.lost) {
		b.WriteString(eraseBelow)
	}
	s.scroll(&b)
	for i, line := range frame {
		// A line as wide as the terminal leaves the cursor on its last column, so the rest is erased before it.
		if i < len(frame)-1 {
			b.WriteString(eraseLine + line + "\r\n")
		} else {
			b.WriteString(eraseBelow + line)
		}
	}
	if len(frame) > 1 {
		fmt.Fprintf(&b, "\x1b[%dA", len(frame)-1)
	}
	s.painted = len(frame)
	if s.standing = len(frame) > 0; s.standing {
		b.WriteString("\r" + saveCursor)
	}
	b.WriteString(endUpdate)
	s.width, s.height = s.size()
	s.lost = false
	s.out.post(b.Bytes())
}

// home goes to where the frame begins.
func (s *screen) home(b *bytes.Buffer) {
	if s.standing && !s.lost && !s.resized() {
		b.WriteString(restoreCursor)
	}
	if s.standing {
		b.WriteByte('\r')
	}
}

// scroll writes the lines that wait.
func (s *screen) scroll(b *bytes.Buffer) {
	b.Write(bytes.ReplaceAll(s.lines, []byte("\n"), []byte("\r\n")))
	s.lines = s.lines[:0]
	if s.missed > 0 {
		fmt.Fprintf(b, "… %s not shown: the terminal did not take them\r\n", output.Count(uint64(s.missed), "line"))
		s.missed = 0
	}
}

// leave takes the frame away and writes the lines that wait, so that somebody else may use the terminal.
func (s *screen) leave() error {
	var b bytes.Buffer
	s.home(&b)
	if s.standing {
		b.WriteString(eraseBelow)
	}
	s.scroll(&b)
	s.standing = false
	_, err := s.out.Write(b.Bytes())
	return err
}

// close ends the screen.
func (s *screen) close() error {
	if s.out == nil {
		return nil
	}
	err := s.leave()
	s.out = nil
	return err
}

// foreground says whether this process may write on the terminal without disturbing somebody else: a shell that sent it
// to the background. Where that cannot be told it may.
func foreground() bool {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return true
	}
	// 1 (name) S ppid pgrp session tty_nr tpgid, and a name may hold anything.
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(f) < 6 {
		return true
	}
	group, _ := strconv.Atoi(f[2])
	front, err := strconv.Atoi(f[5])
	return err != nil || front <= 0 || group == front
}
