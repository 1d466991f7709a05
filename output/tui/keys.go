package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// binding is what some keys do. The table of them is what ? shows and what docs/top.md has.
type binding struct {
	keys  []string // as bubbletea names them
	shown string   // as people do
	what  string
	files bool // of captures alone
	do    func(*Model) tea.Cmd
}

// bindings are the keys, in the order in which they are shown.
var bindings = []binding{
	{keys: []string{"j", "down"}, shown: "j ↓", what: "next row", do: func(m *Model) tea.Cmd { return m.move(1) }},
	{keys: []string{"k", "up"}, shown: "k ↑", what: "row before", do: func(m *Model) tea.Cmd { return m.move(-1) }},
	{keys: []string{"g", "home"}, shown: "g Home", what: "first row", do: func(m *Model) tea.Cmd { return m.move(-MaxRows) }},
	{keys: []string{"G", "end"}, shown: "G End", what: "last row", do: func(m *Model) tea.Cmd { return m.move(MaxRows) }},
	{keys: []string{"ctrl+f", "pgdown"}, shown: "^F PgDn", what: "a screen down", do: func(m *Model) tea.Cmd { return m.move(max(m.room-1, 1)) }},
	{keys: []string{"ctrl+b", "pgup"}, shown: "^B PgUp", what: "a screen up", do: func(m *Model) tea.Cmd { return m.move(-max(m.room-1, 1)) }},
	{keys: []string{"/"}, shown: "/", what: "select connections, in the language of -Y: applied as you type, Enter keeps, Esc takes back", do: (*Model).beginPrompt},
	{keys: []string{"enter"}, shown: "Enter", what: "open: the connection closely; of a state, a client or a finding, its connections", do: (*Model).enter},
	{keys: []string{"esc"}, shown: "Esc", what: "back: closes what is open, then takes the selection back", do: (*Model).back},
	{keys: []string{"tab"}, shown: "Tab", what: "next of the four screens", do: func(m *Model) tea.Cmd { return m.turn((m.ask.Tab + 1) % numTabs) }},
	{keys: []string{"shift+tab"}, shown: "Shift+Tab", what: "the one before", do: func(m *Model) tea.Cmd { return m.turn((m.ask.Tab + numTabs - 1) % numTabs) }},
	{keys: []string{"1"}, shown: "1", what: "connections", do: func(m *Model) tea.Cmd { return m.turn(Connections) }},
	{keys: []string{"2"}, shown: "2", what: "states: how many connections in which pair of them", do: func(m *Model) tea.Cmd { return m.turn(States) }},
	{keys: []string{"3"}, shown: "3", what: "talkers: the clients with most connections", do: func(m *Model) tea.Cmd { return m.turn(Talkers) }},
	{keys: []string{"4"}, shown: "4", what: "findings, those that are over too", do: func(m *Model) tea.Cmd { return m.turn(Findings) }},
	{keys: []string{"s"}, shown: "s", what: "sort connections by the next of: trouble, octets a second, age, idleness, repeats, number", do: (*Model).sort},
	{keys: []string{"S"}, shown: "S", what: "turn the order around", do: (*Model).reverse},
	{keys: []string{"f"}, shown: "f", what: "follow the newest connection, until another row is chosen", do: (*Model).toggleFollow},
	{keys: []string{"space"}, shown: "Space", what: "live: hold the screen still, the capture goes on; of a file: play it, and stop", do: (*Model).pause},
	{keys: []string{"x"}, shown: "x", what: "also the connections that have ended, the latest 1000", do: (*Model).toggleRetired},
	{keys: []string{"w"}, shown: "w", what: "save the connection's packets in a pcapng file", do: (*Model).save},
	{keys: []string{"y"}, shown: "y", what: "copy the connection: client and server, with ports", do: (*Model).copyTuple},
	{keys: []string{"Y"}, shown: "Y", what: "copy Wireshark's display filter for it", do: (*Model).copyFilter},
	{keys: []string{"["}, shown: "[", what: "a step back in time", files: true, do: func(m *Model) tea.Cmd { return m.scrub(-1) }},
	{keys: []string{"]"}, shown: "]", what: "a step on", files: true, do: func(m *Model) tea.Cmd { return m.scrub(1) }},
	{keys: []string{"{"}, shown: "{", what: "ten steps back", files: true, do: func(m *Model) tea.Cmd { return m.scrub(-10) }},
	{keys: []string{"}"}, shown: "}", what: "ten steps on", files: true, do: func(m *Model) tea.Cmd { return m.scrub(10) }},
	{keys: []string{"?", "h"}, shown: "? h", what: "these keys", do: func(m *Model) tea.Cmd { m.help = !m.help; return nil }},
	{keys: []string{"ctrl+z"}, shown: "^Z", what: "leave the terminal to the shell; fg comes back", do: func(*Model) tea.Cmd { return tea.Suspend }},
	{keys: []string{"q", "ctrl+c"}, shown: "q ^C", what: "quit", do: func(*Model) tea.Cmd { return tea.Quit }},
}

// find returns what a key does, nil for nothing.
func find(key string) *binding {
	for i := range bindings {
		for _, k := range bindings[i].keys {
			if k == key {
				return &bindings[i]
			}
		}
	}
	return nil
}

// KeyTable is the keys as a table of Markdown.
func KeyTable() string {
	var b strings.Builder
	b.WriteString("| key | does |\n|---|---|\n")
	for _, k := range bindings {
		var keys []string
		for _, word := range strings.Fields(k.shown) {
			keys = append(keys, "`"+word+"`")
		}
		what := k.what
		if k.files {
			what += " (of files)"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(keys, " "), what)
	}
	return b.String()
}
