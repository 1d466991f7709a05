package tui

import (
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// move moves the cursor by rows.
func (m *Model) move(by int) tea.Cmd {
	t := m.ask.Tab
	ids := m.ids(t)
	if len(ids) == 0 {
		return nil
	}
	m.follow = m.follow && t != Connections
	c := &m.cursor[t]
	c.row = min(max(c.row+by, 0), len(ids)-1)
	c.id = ids[c.row]
	if m.open {
		m.tell()
	}
	return nil
}

// press does what a key is for.
func (m *Model) press(k tea.KeyPressMsg) tea.Cmd {
	if k.String() == "ctrl+c" {
		return tea.Quit
	}
	switch {
	case m.prompt != nil:
		return m.edit(k)
	case m.help:
		m.pressHelp(k.String())
		return nil
	}
	b := find(k.String())
	switch {
	case b == nil:
		m.say("%s is no key here; ? lists them", printable(k.String()))
		return nil
	case b.files && m.link.Scrub == nil:
		m.say("%s moves through the time of a file, and this is live", k.String())
		return nil
	}
	return b.do(m)
}

// pressHelp scrolls the help or closes it.
func (m *Model) pressHelp(key string) {
	switch key {
	case "j", "down", "ctrl+f", "pgdown", "space":
		m.helpAt++
	case "k", "up", "ctrl+b", "pgup":
		m.helpAt = max(m.helpAt-1, 0)
	default:
		m.help, m.helpAt = false, 0
	}
}

// turn shows another tab.
func (m *Model) turn(t Tab) tea.Cmd {
	if m.ask.Tab != t {
		m.ask.Tab = t
		m.tell()
	}
	return nil
}

// enter opens what the cursor is on.
func (m *Model) enter() tea.Cmd {
	at := m.cursor[m.ask.Tab].row
	switch m.ask.Tab {
	case Connections:
		if m.open = !m.open && m.chosen() != nil; m.open {
			m.tell()
		}
	case States:
		if p := m.snap.pairs(); at < len(p) {
			return m.show("client.state:" + word(p[at].client) + " server.state:" + word(p[at].server))
		}
	case Talkers:
		if m.snap != nil && at < len(m.snap.Talkers) {
			return m.show("client:" + m.snap.Talkers[at].Client.IP().String())
		}
	case Findings:
		if m.snap == nil || at >= len(m.snap.Findings) {
			return nil
		}
		f := &m.snap.Findings[at]
		if f.Population {
			return m.show(crowdSelection(f))
		}
		m.ask.Retired = true // it may end while one looks
		m.cursor[Connections] = cursor{id: connID(f.Conn)}
		m.open = true
		return m.show("conn:" + connID(f.Conn))
	}
	return nil
}

// word is a state as a selection has it.
func word(s tracker.State) string { return strings.ToLower(s.String()) }

// crowdSelection selects the connections of those that a finding about a population names.
func crowdSelection(f *Found) string {
	var parts []string
	if f.Server.Port != 0 {
		parts = append(parts, fmt.Sprintf("server.port:%d", f.Server.Port))
	}
	if f.Server.Addr != (tcp.Addr{}) {
		parts = append(parts, "server:"+f.Server.IP().String())
	}
	if f.Client.Addr != (tcp.Addr{}) {
		parts = append(parts, "client:"+f.Client.IP().String())
	}
	return strings.Join(parts, " ")
}

// go_ shows the connections that a selection of our own making means; "" means all.
func (m *Model) show(text string) tea.Cmd {
	m.ask.Tab = Connections
	m.choose(text)
	return nil
}

// choose puts a selection in force, and returns what is wrong with it.
func (m *Model) choose(text string) *query.Error {
	var want *query.Selection
	if strings.TrimSpace(text) != "" {
		var err error
		if want, err = query.Parse(text); err != nil {
			var bad *query.Error
			if !errors.As(err, &bad) {
				bad = &query.Error{Text: text, What: err.Error()}
			}
			return bad
		}
	}
	m.where, m.ask.Where = strings.TrimSpace(text), want
	m.tell()
	return nil
}

// back closes what is open, or takes the selection back.
func (m *Model) back() tea.Cmd {
	switch {
	case m.open && m.ask.Tab == Connections:
		m.open = false
		m.tell()
	case m.where != "":
		m.choose("")
		m.say("all connections again")
	case m.held || m.play:
		m.held, m.play = false, false
	}
	return nil
}

func (m *Model) sort() tea.Cmd {
	m.ask.Order = (m.ask.Order + 1) % numOrders
	m.ask.Reverse, m.follow = false, false
	m.tell()
	return nil
}

func (m *Model) reverse() tea.Cmd {
	m.ask.Reverse, m.follow = !m.ask.Reverse, false
	m.tell()
	return nil
}

func (m *Model) toggleFollow() tea.Cmd {
	if m.follow = !m.follow; m.follow {
		m.ask.Tab, m.ask.Order, m.ask.Reverse = Connections, ByNumber, false
		m.tell()
	}
	return nil
}

func (m *Model) pause() tea.Cmd {
	if m.link.Scrub != nil {
		m.play = !m.play
		return nil
	}
	if m.held = !m.held; !m.held && m.late != nil {
		m.take(m.late)
	}
	return nil
}

func (m *Model) toggleRetired() tea.Cmd {
	m.ask.Retired = !m.ask.Retired
	m.tell()
	return nil
}

func (m *Model) scrub(steps int) tea.Cmd {
	m.link.Scrub(steps)
	return nil
}

// subject is the connection that y, Y and w are about, nil with a note for none.
func (m *Model) subject() *Row {
	c := m.chosen()
	if c == nil || m.ask.Tab != Connections {
		m.say("no connection is chosen: 1 shows them, j and k choose one")
		return nil
	}
	return c
}

func (m *Model) copyTuple() tea.Cmd {
	c := m.subject()
	if c == nil {
		return nil
	}
	return m.copy("tcp " + c.Ends[tracker.Client].String() + " " + c.Ends[tracker.Server].String())
}

func (m *Model) copyFilter() tea.Cmd {
	c := m.subject()
	if c == nil {
		return nil
	}
	return m.copy(c.wireshark(m.link.Streams))
}

// wireshark is the display filter that shows its packets, by stream where the capture is one file, else by the four-tuple.
func (r *Row) wireshark(streams bool) string {
	if streams && len(r.Streams) > 0 {
		var terms []string
		for _, n := range r.Streams {
			terms = append(terms, fmt.Sprintf("tcp.stream eq %d", n))
		}
		return strings.Join(terms, " || ")
	}
	a, b := &r.Ends[tracker.Client], &r.Ends[tracker.Server]
	family := "ip"
	if a.V6 {
		family = "ipv6"
	}
	return fmt.Sprintf("%s.addr == %s && %s.addr == %s && tcp.port == %d && tcp.port == %d", family, a.IP(), family, b.IP(), a.Port, b.Port)
}

// copy gives a text to the terminal's clipboard, by OSC 52.
func (m *Model) copy(text string) tea.Cmd {
	m.say("copied: %s", text)
	return tea.SetClipboard(text)
}

// save has the packets of the connection that is chosen saved.
func (m *Model) save() tea.Cmd {
	c := m.subject()
	if c == nil {
		return nil
	}
	who := *c
	m.say("saving connection %d ...", c.Conn)
	save := m.link.Save
	return func() tea.Msg {
		where, err := save(&who)
		return savedMsg{where, err}
	}
}
