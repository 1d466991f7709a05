package tui

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
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

// prompt is a selection being written.
type prompt struct {
	text   string
	before string // what was in force
	err    *query.Error
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

// View draws the frame.
func (m *Model) View() tea.View {
	v := tea.NewView(strings.Join(m.Frame(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "tcptrack top"
	return v
}
