package story

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// first are the numbers of the first packets of one end with a flag, 0 for none.
type first struct{ syn, fin, rst uint64 }

// tellStates says what an end may be, and why it is nothing else.
func (l *Life) tellStates(p *page, side tracker.Side) {
	e := l.end(side)
	text := fmt.Sprintf("The %s is %s", side, e.State)
	switch {
	case e.State == tracker.Unknown:
		text = fmt.Sprintf("Of the %s nothing is known", side)
	case e.Basis == tracker.Proven:
		text += ", proven by what it sent"
	default:
		text += ", presumed: what was sent to it is taken to have arrived"
	}
	if e.Deadline != 0 {
		text += fmt.Sprintf("; a timer that no packet shows may end that at %s", stamp(e.Deadline))
	}
	p.indented(sentence(text), "   ", "   ")
	var may, not reasons
	for s := tracker.Closed; s <= tracker.TimeWait; s++ {
		switch {
		case s == e.State || s == tracker.Listen:
		case e.Possible.Has(s):
			may.add(l.mayBe(side, s), s)
		default:
			not.add(l.cannotBe(side, s), s)
		}
	}
	may.print(p, "or")
	not.print(p, "not")
}

// reasons are states by what speaks for or against them.
type reasons struct {
	why    []string
	states map[string][]string
}

func (r *reasons) add(why string, s tracker.State) {
	if r.states == nil {
		r.states = map[string][]string{}
	}
	if r.states[why] == nil {
		r.why = append(r.why, why)
	}
	r.states[why] = append(r.states[why], s.String())
}

func (r *reasons) print(p *page, word string) {
	for _, why := range r.why {
		p.indented(fmt.Sprintf("%s %s: %s.", word, strings.Join(r.states[why], ", "), why), "     ", "       ")
	}
}

// mayBe says why an end may be in s, though it is taken to be in another state.
func (l *Life) mayBe(side tracker.Side, s tracker.State) string {
	e, far := l.end(side), l.end(side.Other())
	if s != tracker.FinWait1 && e.Possible.Len() > 4 {
		return "the capture began too late to tell"
	}
	switch s {
	case tracker.FinWait1, tracker.LastAck, tracker.Closing:
		if far.ShutSince != 0 && l.of[side].fin == 0 {
			return fmt.Sprintf("it may have closed, and the FIN waits behind the %s's shut window", side.Other())
		}
		return "it may have closed, and the FIN waits behind data that is not acknowledged, or was lost before the tap"
	case tracker.Closed:
		if tcp.Set(tracker.FinWait1, tracker.FinWait2, tracker.LastAck, tracker.Closing, tracker.TimeWait).Has(e.State) || e.Possible.Has(tracker.FinWait1) {
			return "its kernel may have given up by now, which no packet shows"
		}
		return "it may have ended without a packet that shows it"
	case tracker.SynRecv:
		return "nothing proves that it took the last ACK of the handshake"
	case tracker.TimeWait:
		return "who closed first cannot be told from this tap"
	}
	return "the packets allow it"
}

// cannotBe says why an end is not in s.
func (l *Life) cannotBe(side tracker.Side, s tracker.State) string {
	e, own, far := l.end(side), l.of[side], l.of[side.Other()]
	rst := max(own.rst, far.rst)
	switch {
	case s == tracker.SynSent || s == tracker.SynRecv:
		if e.State == tracker.SynSent || e.State == tracker.SynRecv || own.syn == 0 && far.syn == 0 {
			return "nothing that it sent belongs to it"
		}
		return "the handshake is over"
	case e.State == tracker.Closed && rst != 0:
		return fmt.Sprintf("the RST in packet %d ended it", rst)
	case e.State == tracker.Closed || e.State == tracker.TimeWait && s != tracker.Closed:
		return "it is past that: both FINs are sent and acknowledged"
	case s == tracker.Closed:
		return "nothing has ended it: no RST that counts, and no timer is due"
	case e.State == tracker.SynSent || e.State == tracker.SynRecv:
		return "the handshake is not complete"
	case s == tracker.Established:
		if own.fin != 0 {
			return fmt.Sprintf("it has sent its FIN, in packet %d", own.fin)
		}
		return fmt.Sprintf("it has taken the %s's FIN, packet %d", side.Other(), far.fin)
	case s == tracker.CloseWait && far.fin != 0 && own.fin == 0:
		return fmt.Sprintf("it has not acknowledged the %s's FIN, packet %d", side.Other(), far.fin)
	case own.fin == 0 && far.fin == 0:
		if s == tracker.FinWait1 {
			return "no FIN was seen, and nothing is left that one could wait behind"
		}
		return "no FIN was seen from either end"
	case own.fin == 0:
		if s == tracker.LastAck || s == tracker.FinWait1 || s == tracker.Closing {
			return "it has sent no FIN, and nothing is left that one could wait behind"
		}
		return "it has sent no FIN"
	case far.fin == 0 && (s == tracker.CloseWait || s == tracker.LastAck || s == tracker.Closing || s == tracker.TimeWait):
		return fmt.Sprintf("the %s has sent no FIN", side.Other())
	case s == tracker.CloseWait:
		return fmt.Sprintf("it has sent its FIN, in packet %d", own.fin)
	case e.State == tracker.FinWait1 || e.State == tracker.Closing || e.State == tracker.LastAck:
		if s == tracker.FinWait2 || s == tracker.TimeWait {
			return fmt.Sprintf("its FIN, packet %d, is not acknowledged", own.fin)
		}
	case s == tracker.FinWait2 || s == tracker.TimeWait:
		return fmt.Sprintf("the %s's FIN tells otherwise", side.Other())
	}
	return "its FIN is acknowledged, or the order of the FINs tells otherwise"
}
