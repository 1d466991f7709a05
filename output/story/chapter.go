package story

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// tell writes the chapter, section by section.
func (c *chapter) tell(p *page, n int, s *output.Summary, files string) {
	p.heading(n, c.severity, c.rule.Code, c.rule.Title)
	p.section("Seen", c.seen())
	if len(c.items) > 1 {
		for _, line := range c.where() {
			p.section("", line)
		}
		p.section("", sentence("the longest: "+c.items[0].tells()))
	}
	p.section("States", c.states())
	p.section("Means", sentence(c.rule.Cause))
	p.section("Fault", c.fault())
	p.section("Do", sentence(c.rule.Remedy))
	host := ""
	for _, a := range c.advice() {
		if a.host != host {
			host = a.host
			p.section("Run", "on "+host+":")
		}
		p.command(a.command)
		p.section("", a.shows)
	}
	p.section("Memory", c.memory())
	p.section("How sure", c.sure(s))
	p.section("To be sure", c.surer())
	p.section("Evidence", c.evidence(files))
	p.WriteByte('\n')
}

// seen says what was found and since when: of one finding all, of many how many and how long.
func (c *chapter) seen() string {
	it := c.items[0]
	if len(c.items) == 1 {
		who := ""
		if !it.Population {
			who = fmt.Sprintf("connection %d, client %s, server %s: ", it.Conn, it.Client, it.Server)
		}
		return sentence(who + it.Summary + "; " + it.when())
	}
	what := "connections"
	if it.Population {
		what = "times"
	} else if n := len(count(c.items, func(it *item) (uint64, bool) { return it.Conn, true })); n < len(c.items) {
		what = fmt.Sprintf("times on %s", output.Count(uint64(n), "connection"))
	}
	if places := c.places(); len(places) == 1 {
		what += " to " + it.Server.String()
	} else {
		what += fmt.Sprintf(" to %s", output.Count(uint64(len(places)), "server"))
	}
	text := fmt.Sprintf("%d %s, the same finding: first %s, longest %s", len(c.items), what, stamp(c.first()), output.Span(it.lasted()))
	if n := c.open(); n > 0 {
		text += fmt.Sprintf(", %d not over when the capture ends", n)
	}
	return sentence(text)
}

// when says since when a finding stood, and for how long.
func (it *item) when() string {
	text := "since " + stamp(it.Since)
	if it.Earlier {
		text += " or earlier"
	}
	d := it.lasted()
	switch {
	case d > 0 && it.Status == anomaly.Open:
		text += ", " + output.Span(d) + " when the capture ends"
	case d > 0:
		text += ", for " + output.Span(d)
	}
	return text
}

// tells is one of many findings in a sentence.
func (it *item) tells() string {
	if it.Population {
		return it.Server.String() + ": " + it.Summary
	}
	return fmt.Sprintf("connection %d, client %s: %s", it.Conn, it.Client, it.Summary)
}

// maxPlaces bounds the servers and hosts that are named.
const maxPlaces = 5

// where lists the servers with most of the findings.
func (c *chapter) where() (list []string) {
	places := c.places()
	if len(places) == 1 {
		return nil
	}
	for i, t := range places {
		if i == maxPlaces {
			list = append(list, fmt.Sprintf("… and %s", output.Count(uint64(len(places)-i), "more server")))
			break
		}
		var longest *item
		first := int64(0)
		for _, it := range c.items {
			if it.Server != t.of {
				continue
			}
			if longest == nil {
				longest, first = it, it.Since
			}
			first = min(first, it.Since)
		}
		list = append(list, fmt.Sprintf("%d to %s: first %s, longest %s (%s)", t.n, t.of, output.Clock(first), output.Span(longest.lasted()), longest.name()))
	}
	return list
}

func (it *item) name() string {
	if it.Population {
		return "all of it"
	}
	return fmt.Sprintf("connection %d", it.Conn)
}

// states says where the connections stood at the end.
func (c *chapter) states() string {
	pairs := count(c.items, func(it *item) ([2]string, bool) {
		if it.ends == nil || it.Population {
			return [2]string{}, false
		}
		return [2]string{alternatives(&it.ends.Client), alternatives(&it.ends.Server)}, true
	})
	var list []string
	for i, t := range pairs {
		if i == 3 {
			list = append(list, "others")
			break
		}
		text := fmt.Sprintf("the client is %s, the server %s", t.of[0], t.of[1])
		if len(c.items) > 1 {
			text = fmt.Sprintf("%d times ", t.n) + text
		}
		list = append(list, text)
	}
	if len(list) == 0 {
		return ""
	}
	return sentence("at the last, " + strings.Join(list, "; "))
}

// alternatives spells what an end may be, the estimate first: FIN_WAIT1, or FIN_WAIT1 or CLOSED.
func alternatives(e *tracker.End) string {
	rest := e.Possible.Without(e.State)
	if rest.Len() > 3 {
		return e.State.String() + " or something else"
	}
	text := e.State.String()
	for s := range rest.Without(tracker.Closed).All() {
		text += " or " + s.String()
	}
	if rest.Has(tracker.Closed) {
		text += " or " + tracker.Closed.String()
	}
	return text
}

// culprits are whom to blame, in words.
var culprits = map[anomaly.Culprit]string{
	anomaly.Nobody: "nobody's: it is told for what it explains", anomaly.ClientApp: "the client's application", anomaly.ServerApp: "the server's application",
	anomaly.ClientHost: "the client's host", anomaly.ServerHost: "the server's host", anomaly.Network: "the network between the two hosts",
	anomaly.Attacker: "an attacker, or who looks like one", anomaly.Capture: "the capture itself: neither host has done anything wrong",
}

// fault says whose fault it is, and on which hosts.
func (c *chapter) fault() string {
	side := tracker.Client
	switch c.culprit {
	case anomaly.ServerApp, anomaly.ServerHost:
		side = tracker.Server
	case anomaly.ClientApp, anomaly.ClientHost:
	default:
		return sentence(culprits[c.culprit])
	}
	text := culprits[c.culprit]
	if hosts := c.hostList(side); hosts != "" {
		text += ", on " + hosts
	}
	return sentence(text)
}

// hostList names the hosts at one side, with how many findings each has.
func (c *chapter) hostList(s tracker.Side) string {
	hosts := c.hosts(s)
	var names []string
	for i, t := range hosts {
		if i == maxPlaces {
			names = append(names, output.Count(uint64(len(hosts)-i), "more host"))
			break
		}
		name := t.of.IP().String()
		if len(hosts) > 1 {
			name += fmt.Sprintf(" (%d)", t.n)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// holders are the findings whose sockets hold a full send queue while they last.
var holders = map[string]bool{"fin-wait1-zero-window": true, "zero-window-stall": true, "fin-wait1-pileup": true, "zero-window-farm": true}

// memory says what the stuck sockets may hold.
func (c *chapter) memory() string {
	n := c.open()
	if !holders[c.rule.Code] || n == 0 || c.items[0].Population {
		return ""
	}
	const most = 4 << 20 // the last number of net.ipv4.tcp_wmem by default
	return fmt.Sprintf("Each stuck socket keeps its send queue in kernel memory, up to the last number of net.ipv4.tcp_wmem (4 MiB): %s, up to %d MiB.",
		output.Count(uint64(n), "socket"), n*most>>20)
}

// evidence names the packets and how to look at them.
func (c *chapter) evidence(files string) string {
	it := c.items[0]
	text := evidenceOf(it.Evidence)
	if text != "" {
		text += "; "
	}
	text += "Wireshark: " + it.Wireshark()
	if files != "" && !it.Population {
		text += fmt.Sprintf("; all about it: tcptrack explain %s %d", files, it.Conn)
	}
	return text
}

// evidenceOf names packets.
func evidenceOf(packets []uint64) string {
	if len(packets) == 0 {
		return ""
	}
	words := make([]string, len(packets))
	for i, p := range packets {
		words[i] = strconv.FormatUint(p, 10)
	}
	if len(words) == 1 {
		return "packet " + words[0]
	}
	return "packets " + strings.Join(words, ", ")
}

// sentence begins with a capital, unless it begins with a name, and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	first, _, _ := strings.Cut(s, " ")
	if s[0] >= 'a' && s[0] <= 'z' && !strings.ContainsAny(first, "_-/0123456789") && first != "ss" && first != "nginx:" && first != "tcpdump" {
		s = string(s[0]-'a'+'A') + s[1:]
	}
	return strings.TrimSuffix(s, ".") + "."
}

// stamp spells a moment of capture time.
func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.000") + " UTC" }
