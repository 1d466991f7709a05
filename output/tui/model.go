package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tcptrack/tcptrack/internal/query"
)

// Link joins the Model to what tracks. Its functions return at once, but for Save, which is called on a goroutine of its
// own.
type Link struct {
	Ask    func(*Ask)                 // hands over what is to be shown from now on
	Latest func() *Snapshot           // the latest there is, nil before the first
	Busy   func() string              // what keeps the next from coming, "" for nothing
	Scrub  func(steps int)            // moves through the time of a file; nil: live
	Save   func(*Row) (string, error) // saves the packets, and says where and how many
	// Streams says that the numbers of Wireshark's streams are those of one file, which Wireshark opens.
	Streams bool
	Notes   func() string // takes the latest thing to be told, "" for nothing; nil: there is none
}

// Style says how frames look.
type Style struct {
	Color bool // colours beside bold and reverse
	Plain bool // neither of them: text alone
}

// Frames are drawn and snapshots looked for so often.
const (
	FramesPerSecond = 10
	tick            = time.Second / FramesPerSecond
	// playTicks is how many ticks a step takes while a file is played.
	playTicks = 5
	// noteTicks is how long what was done is told.
	noteTicks = 60
)

// The least screen that anything is drawn on.
const minWidth, minHeight = 60, 12

// Model is the screen: a bubbletea Model.
type Model struct {
	link  Link
	style Style

	width, height int
	room          int // rows of the table, as drawn last

	ask  Ask
	snap *Snapshot // what is shown
	late *Snapshot // the latest, while the screen is held still

	cursor [numTabs]cursor
	open   bool // the pane of the connection
	held   bool // the screen is held still
	play   bool
	follow bool
	help   bool
	helpAt int // first line of the help

	prompt *prompt
	where  string // the selection as written
	note   string
	noted  int // ticks for which note stays
	ticks  int

	widths map[string]int // of columns, the largest so far
	ladder drawing        // of the connection in focus
}

// cursor is a row that is chosen: by what it is, and where it was when that was last seen.
type cursor struct {
	id  string
	row int
	top int // first row that is drawn
}

// New makes the Model; where is the selection to begin with, "" for none.
func New(link Link, style Style, where *query.Selection) *Model {
	m := &Model{link: link, style: style, widths: map[string]int{}}
	if where != nil {
		m.where, m.ask.Where = where.String(), where
	}
	return m
}

// Init asks for the first Snapshot.
func (m *Model) Init() tea.Cmd {
	m.tell()
	return later()
}

type tickMsg struct{}

func later() tea.Cmd { return tea.Tick(tick, func(time.Time) tea.Msg { return tickMsg{} }) }

// savedMsg is what came of saving.
type savedMsg struct {
	where string
	err   error
}

// tell hands over what is asked for.
func (m *Model) tell() {
	a := m.ask
	if c := m.chosen(); c != nil && m.open {
		a.Focus, a.HasFocus = c.Conn, true
	}
	m.link.Ask(&a)
}

// say shows a note for some seconds.
func (m *Model) say(format string, args ...any) {
	m.note, m.noted = fmt.Sprintf(format, args...), noteTicks
}

// Update takes a message.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tickMsg:
		m.pass()
		return m, later()
	case savedMsg:
		if msg.err != nil {
			m.say("not saved: %s", oneLine(msg.err.Error()))
		} else {
			m.say("saved: %s", msg.where)
		}
	case tea.PasteMsg:
		if m.prompt != nil {
			m.write(msg.Content)
		}
	case tea.KeyPressMsg:
		return m, m.press(msg)
	}
	return m, nil
}

// pass lets a tick pass.
func (m *Model) pass() {
	m.ticks++
	if m.noted > 0 {
		if m.noted--; m.noted == 0 {
			m.note = ""
		}
	}
	if m.link.Notes != nil {
		if text := m.link.Notes(); text != "" {
			m.say("%s", text)
		}
	}
	if m.play && m.ticks%playTicks == 0 {
		m.scrub(1)
	}
	s := m.link.Latest()
	if s == nil || s == m.late {
		return
	}
	m.late = s
	if !m.held || m.snap == nil || m.snap.Asked.Tab != s.Asked.Tab {
		m.take(s)
		return
	}
	if s.Detail != nil && (m.snap.Detail == nil || m.snap.Detail.Conn != s.Detail.Conn) {
		kept := *m.snap // what is chosen on a screen held still is shown as it was when it was chosen
		kept.Detail = s.Detail
		m.snap = &kept
		m.ladder.learn(s.Detail)
	}
}

// take shows a Snapshot.
func (m *Model) take(s *Snapshot) {
	if m.play && !s.Live && s.Now >= s.End && s.End != 0 {
		m.play = false
	}
	m.snap = s
	if m.follow && len(s.Rows) > 0 {
		m.cursor[Connections] = cursor{id: connID(s.Rows[0].Conn)}
	}
	for t := range m.cursor {
		m.find(Tab(t))
	}
	if s.Detail != nil {
		m.ladder.learn(s.Detail)
	}
	if c := m.chosen(); m.open && c != nil && (!s.Asked.HasFocus || s.Asked.Focus != c.Conn) {
		m.tell() // the row under the cursor is another
	}
}

// chosen is the connection under the cursor, nil for none.
func (m *Model) chosen() *Row {
	if m.snap == nil || len(m.snap.Rows) == 0 {
		return nil
	}
	at := m.cursor[Connections].row
	if at >= len(m.snap.Rows) {
		return nil
	}
	return &m.snap.Rows[at]
}

// ids lists what the rows of a tab are.
func (m *Model) ids(t Tab) (list []string) {
	s := m.snap
	if s == nil {
		return nil
	}
	switch t {
	case Connections:
		for i := range s.Rows {
			list = append(list, connID(s.Rows[i].Conn))
		}
	case States:
		for _, p := range s.pairs() {
			list = append(list, p.client.String()+"/"+p.server.String())
		}
	case Talkers:
		for i := range s.Talkers {
			list = append(list, s.Talkers[i].Client.IP().String())
		}
	case Findings:
		for i := range s.Findings {
			list = append(list, s.Findings[i].ID)
		}
	}
	return list
}

func connID(n uint64) string { return fmt.Sprint(n) }

// find puts the cursor of a tab where what it was on is now; what has gone leaves it in its place.
func (m *Model) find(t Tab) {
	c, ids := &m.cursor[t], m.ids(t)
	if len(ids) == 0 {
		c.row = 0
		return
	}
	if c.id != "" {
		for i, id := range ids {
			if id == c.id {
				c.row = i
				return
			}
		}
	}
	c.row = min(c.row, len(ids)-1)
	c.id = ids[c.row]
}

// View draws the frame.
func (m *Model) View() tea.View {
	v := tea.NewView(strings.Join(m.Frame(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "tcptrack top"
	return v
}
