package draw

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
)

// The measures of a ladder, in pixels.
const (
	rungHeight = 26
	timeAt     = 128 // where times end
	stateRoom  = 104 // for the states at each side
	roomyWide  = 620 // from this width on states stand down the sides
)

// ladder draws the rows: numbers and times, then arrows between the lines of the two ends, with their states outside.
func (s *svg) ladder() {
	room := stateRoom
	if s.Width < roomyWide {
		room = 6
	}
	left, right := timeAt+room, s.Width-8-room
	s.anchored(48, s.y+14, "f", "end", "packet")
	s.anchored(timeAt-8, s.y+14, "f", "end", "seconds")
	if room < stateRoom {
		s.anchored(left, s.y+14, "ct b", "", "client")
		s.anchored(right, s.y+14, "st b", "end", "server")
	} else {
		s.anchored(left, s.y+14, "ct b", "middle", "client")
		s.anchored(right, s.y+14, "st b", "middle", "server")
	}
	s.y += 24
	rows, _ := s.d.Rows()
	top := s.y
	s.lifelines(rows, left, right)
	var are [2]string
	for i := range rows {
		r := &rows[i]
		s.y = top + i*rungHeight
		if r.Kind == ladder.Packet {
			s.rung(r, left, right)
		} else {
			s.anchored((left+right)/2, s.y+18, "f", "middle", fits(r.Text(), right-left-8))
		}
		if len(r.Evidence) > 0 {
			fmt.Fprintf(s, `<circle class="zt" cx="57" cy="%d" r="4"><title>shows %s</title></circle>`+"\n", s.y+14, escape(strings.Join(r.Evidence, ", ")))
		}
		if room < stateRoom {
			continue
		}
		for side, anchor := range [...]string{"end", ""} {
			is := r.Claims[side].String()
			if is == are[side] {
				continue
			}
			are[side] = is
			s.anchored([...]int{left - 8, right + 8}[side], s.y+18, "", anchor, is)
		}
	}
	s.y = top + len(rows)*rungHeight
	s.legend(rows)
}

// lifelines draws the lines of both ends, thick and red while their windows are shut.
func (s *svg) lifelines(rows []ladder.Row, left, right int) {
	for side, x := range [...]int{left, right} {
		fmt.Fprintf(s, `<path class="l" d="M%d %dv%d"/>`+"\n", x, s.y, len(rows)*rungHeight)
		for _, z := range s.d.Shut(tracker.Side(side)) {
			from, until := len(rows), 0
			for i := range rows {
				if rows[i].End >= z.Since && (z.Until == 0 || rows[i].Time < z.Until) {
					from, until = min(from, i), i+1
				}
			}
			if from < until {
				fmt.Fprintf(s, `<path class="zl" d="M%d %dv%d"><title>window shut</title></path>`+"\n", x, s.y+from*rungHeight, (until-from)*rungHeight)
			}
		}
	}
}

// rung draws a packet.
func (s *svg) rung(r *ladder.Row, left, right int) {
	s.anchored(48, s.y+18, "f", "end", fmt.Sprint(r.First))
	s.anchored(timeAt-8, s.y+18, "f", "end", seconds(r.Time-s.d.Start))
	class := ""
	if r.Window == 0 || strings.Contains(r.Label, "window shuts") {
		class = "zt"
	}
	s.anchored((left+right)/2, s.y+13, class, "middle", fits(Announced(r, int(float64(right-left-16)/letter)), right-left-16))
	y, c := s.y+19, r.From.String()[0]
	if r.From == tracker.Client {
		fmt.Fprintf(s, `<path class="%c" d="M%d %dH%d"/><path class="%ct" d="M%d %dl-8 -4v8z"/>`+"\n", c, left, y, right-8, c, right-2, y)
	} else {
		fmt.Fprintf(s, `<path class="%c" d="M%d %dH%d"/><path class="%ct" d="M%d %dl8 -4v8z"/>`+"\n", c, right, y, left+8, c, left+2, y)
	}
}

// legend says what the marks mean that are there.
func (s *svg) legend(rows []ladder.Row) {
	var notes []string
	for i := range rows {
		if len(rows[i].Evidence) > 0 {
			notes = append(notes, "● shows a finding")
			break
		}
	}
	if len(s.d.Shut(tracker.Client))+len(s.d.Shut(tracker.Server)) > 0 {
		notes = append(notes, "thick: that end's window is shut")
	}
	notes = append(notes, "?: presumed, or one of several")
	if !s.d.Scaled() {
		notes = append(notes, "windows unscaled: the handshake was not captured")
	}
	for _, n := range notes {
		s.y += 16
		s.text(8, s.y, "f", fits(n, s.Width-16))
	}
}
