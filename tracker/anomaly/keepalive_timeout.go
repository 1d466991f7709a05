package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// KeepaliveTimeout finds peers that have fallen silent under keepalives.
var KeepaliveTimeout = Rule{
	Code:      "keepalive-timeout",
	Title:     "keepalives that nobody answers",
	Severity:  Warning,
	Culprits:  "the network, or the host at its other end",
	Evidence:  "keepalives on an idle connection whose window is open, not one answered, or two of them and then the RST of the side that gave up",
	Threshold: "3 in a row, and the peer silent for a second each: two may be lost on a bad path, Linux gives up after 9 by default and sends them a second apart at the least",
	Cause:     "the peer's host is down or was moved without a word, or the path is cut: most often a NAT or firewall that has forgotten the idle connection and drops what belongs to it",
	Remedy:    "find where the path ends: traceroute to the port, captures on both sides of the firewall; keep the keepalive interval (TCP_KEEPIDLE, net.ipv4.tcp_keepalive_time) below the shortest idle timeout of the boxes between; the peer must have keepalives of its own, or it waits for ever",
	NotWhen:   "acknowledgements that the network delivers twice, which look like keepalives and come at once; probes of a shut window (zero-window-stall); keepalives that are answered; the peer's packets not captured (one-way-capture)",
	RFC:       "9293 3.8.4",
	Absence:   true,
	Limits:    []Limit{{"unanswered", 3, "", "keepalives in a row without an answer"}},
	Wakes:     tracker.KeptAlive | tracker.Reset,
	Resets:    readTimedOut,
	New:       func(l Limits) Judge { return keepaliveTimeout{l.Count("unanswered")} },
}

type keepaliveTimeout struct{ limit int }

func (j keepaliveTimeout) Fact(b *Bench, f *tracker.Fact) {
	num := f.Conn.Num()
	me, peer := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	standing := b.Standing(num, f.Side)
	if f.Kind == tracker.KeptAlive {
		if standing != nil && me.Unheard() < j.limit {
			b.Close(standing, peer.SentAt()) // it was answered after all
			return
		}
		if me.Unheard() < j.limit || f.Time-peer.SentAt() < int64(j.limit-1)*nsPerSecond || me.InFlight() > 0 || !peer.Seen() {
			return
		}
	}
	x := standing
	if x == nil {
		x = b.Raise(CaseOf(f.Conn), f.Side)
		x.Culprit, x.Since = Network, peer.SentAt()
	}
	x.Add(f.Packet)
	x.Summary = fmt.Sprintf("%s of the %s unanswered, the %s has not been heard for %s", count(me.Unheard(), "keepalive"), f.Side, f.Side.Other(), seconds(f.Time-peer.SentAt()))
	if f.Kind == tracker.Reset {
		x.Summary += fmt.Sprintf("; the %s gives up with a RST", f.Side)
	}
	if standing == nil || f.Kind == tracker.Reset {
		b.Tell(x)
	}
}

func (keepaliveTimeout) Wake(*Bench, Alarm) {}
