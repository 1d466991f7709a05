package tui

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/tcptrack/tcptrack/internal/query"
)

// prompt is a selection being written.
type prompt struct {
	text   string
	before string // what was in force
	err    *query.Error
}

func (m *Model) beginPrompt() tea.Cmd {
	m.prompt = &prompt{text: m.where, before: m.where}
	return nil
}

// edit takes a key while a selection is written.
func (m *Model) edit(k tea.KeyPressMsg) tea.Cmd {
	p := m.prompt
	switch key := k.String(); key {
	case "enter":
		if p.err == nil {
			m.prompt = nil
		}
	case "esc":
		m.choose(p.before)
		m.prompt = nil
	case "backspace", "ctrl+h":
		if p.text != "" {
			_, n := utf8.DecodeLastRuneInString(p.text)
			p.text = p.text[:len(p.text)-n]
			m.write("")
		}
	case "ctrl+w":
		p.text = p.text[:strings.LastIndexByte(strings.TrimRight(p.text, " "), ' ')+1]
		m.write("")
	case "ctrl+u":
		p.text = ""
		m.write("")
	default:
		if k.Text != "" {
			m.write(k.Text)
		}
	}
	return nil
}

// maxPrompt bounds a selection, in bytes.
const maxPrompt = 1000

// write adds to the selection that is written, and applies it if it means anything.
func (m *Model) write(text string) {
	p := m.prompt
	if len(p.text)+len(text) <= maxPrompt {
		p.text += strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, text)
	}
	p.err = m.choose(p.text)
}
