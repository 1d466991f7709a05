package web

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/jsonl"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Bounds of answers.
const (
	usualLimit = 100
	maxLimit   = 1000
)

// lister writes lists of the objects that JSON Lines are made of, each with more in front.
type lister struct {
	bytes.Buffer
	writer *jsonl.Writer
	n      int
}

func newLister() *lister {
	l := &lister{}
	l.writer = jsonl.New(l, output.Events{Connection: true, Finding: true, Transition: true})
	return l
}

// add adds an object that tell writes; front stands in it before the rest, as `"living":true,`.
func (l *lister) add(front string, tell func(*jsonl.Writer)) {
	if l.n++; l.n > 1 {
		l.WriteByte(',')
	}
	at := l.Len()
	tell(l.writer)
	l.writer.Flush() // to memory, which takes it
	line := bytes.Clone(bytes.TrimSuffix(l.Bytes()[at:], []byte("\n")))
	l.Truncate(at)
	l.WriteByte('{')
	l.WriteString(front)
	l.Write(line[1:])
}

// row adds a connection, brought up to date in line.
func (l *lister) row(r *Row, line *tracker.Connection) {
	front := fmt.Sprintf(`"living":%t,"idle_s":%.3f,`, r.Living, float64(line.Now-line.Last)/1e9)
	var open, level = false, -1
	for _, f := range r.Findings {
		level = max(level, int(f.Severity))
		open = open || f.Status == anomaly.Open
	}
	if level >= 0 {
		front += fmt.Sprintf(`"severity":%q,"open":%t,`, anomaly.Severity(level), open)
	}
	if line.Findings = line.Findings[:0:0]; len(r.Findings) > 0 {
		for _, f := range r.Findings {
			line.Findings = append(line.Findings, f.Rule.Code)
		}
	}
	l.add(front, func(w *jsonl.Writer) { w.Connection(line) })
}

// selection reads ?q=; false if it was refused.
func selection(w http.ResponseWriter, r *http.Request) (*query.Selection, bool) {
	text := r.FormValue("q")
	if strings.TrimSpace(text) == "" {
		return nil, true
	}
	want, err := query.Parse(text)
	var bad *query.Error
	switch {
	case err == nil:
		return want, true
	case errors.As(err, &bad):
		reply(w, http.StatusBadRequest, map[string]any{"error": map[string]any{
			"what": bad.What, "next": bad.Next, "column": bad.Column(), "length": utf8.RuneCountInString(bad.Text[bad.At : bad.At+bad.Len]), "caret": bad.Caret(),
		}})
	default:
		refuse(w, http.StatusBadRequest, err.Error(), "docs/selection.md has the language")
	}
	return nil, false
}

// limits reads ?limit= and ?offset=; false if they were refused.
func limits(w http.ResponseWriter, r *http.Request) (limit, offset int, ok bool) {
	limit = usualLimit
	for _, x := range []struct {
		name string
		to   *int
	}{{"limit", &limit}, {"offset", &offset}} {
		text := r.FormValue(x.name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("%s %q is no number", x.name, text), "a number from 0 up")
			return 0, 0, false
		}
		*x.to = int(n)
	}
	return min(limit, maxLimit), offset, true
}

// connections answers with a part of a list of connections.
func (s *server) connections(w http.ResponseWriter, r *http.Request) {
	want, ok := selection(w, r)
	if !ok {
		return
	}
	limit, offset, ok := limits(w, r)
	if !ok {
		return
	}
	id := r.FormValue("view")
	if cursor := r.FormValue("cursor"); cursor != "" {
		name, at, _ := strings.Cut(cursor, ".")
		n, err := strconv.ParseUint(at, 10, 31)
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("%q is no cursor", cursor), "a cursor is what an answer gave as next")
			return
		}
		id, offset = name, int(n)
	}
	v := s.views.find(id)
	switch {
	case id != "" && v == nil:
		refuse(w, http.StatusGone, "that list is forgotten", "ask again without cursor and view")
		return
	case v == nil:
		if v = s.newView(w, r, want); v == nil {
			return
		}
	}
	s.part(w, v, limit, offset)
}

// newView lists what is asked for; nil if that was refused.
func (s *server) newView(w http.ResponseWriter, r *http.Request, want *query.Selection) *view {
	sort := r.FormValue("sort")
	by, down, ok := parseOrder(sort)
	if !ok {
		names := make([]string, len(orders))
		for i, o := range orders {
			names[i] = o.name
		}
		refuse(w, http.StatusBadRequest, fmt.Sprintf("there is no order %q", sort), "one of "+strings.Join(names, ", ")+", with - in front the other way round")
		return nil
	}
	now := s.Now()
	if v := s.views.fresh(r.FormValue("q"), sort, now); v != nil {
		return v
	}
	done, ok := s.views.scan(r.Context())
	if !ok {
		return nil
	}
	defer done()
	v := &view{where: r.FormValue("q"), sort: sort, at: now, conns: s.Store.list(want, by, down)}
	s.views.add(v)
	return v
}

// part answers with rows of a view. Of a connection that was forgotten since, its number is told.
func (s *server) part(w http.ResponseWriter, v *view, limit, offset int) {
	l := newLister()
	st := s.Store
	st.mu.RLock()
	total, now := len(st.byConn), st.status.Now
	var line tracker.Connection
	end := min(offset+limit, len(v.conns))
	for _, conn := range v.conns[min(offset, end):end] {
		row := st.byConn[conn]
		if row == nil {
			if l.n++; l.n > 1 {
				l.WriteByte(',')
			}
			fmt.Fprintf(l, `{"conn":%d,"forgotten":true}`, conn)
			continue
		}
		st.subject(row, &line)
		l.row(row, &line)
	}
	st.mu.RUnlock()
	next := "null"
	if end < len(v.conns) {
		next = fmt.Sprintf(`"%s.%d"`, v.id, end)
	}
	answer(w, `{"event":"connections","now":%q,"total":%d,"matched":%d,"offset":%d,"view":%q,"next":%s,"connections":[%s]}`,
		stamp(now), total, len(v.conns), offset, v.id, next, l.Bytes())
}

// answer answers with JSON that is made of what is.
func answer(w http.ResponseWriter, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintf(w, format+"\n", args...)
}

// listFindings answers with what was found, the gravest first, of equals the latest.
func (s *server) listFindings(w http.ResponseWriter, r *http.Request) {
	want, ok := selection(w, r)
	if !ok {
		return
	}
	limit, offset, ok := limits(w, r)
	if !ok {
		return
	}
	status := cmp.Or(r.FormValue("status"), "standing")
	if !slices.Contains(statuses, status) {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("there is no status %q", status), "one of "+strings.Join(statuses, ", "))
		return
	}
	done, ok := s.views.scan(r.Context())
	if !ok {
		return
	}
	l, matched := s.Store.tellFindings(want, status, limit, offset)
	done()
	answer(w, `{"event":"findings","matched":%d,"offset":%d,"findings":[%s]}`, matched, offset, l.Bytes())
}

// tellFindings writes a part of the findings that a selection means, to memory: who reads slowly must not hold the lock.
func (s *Store) tellFindings(want *query.Selection, status string, limit, offset int) (l *lister, matched int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := s.meant(want, status)
	l = newLister()
	end := min(offset+limit, len(list))
	for _, f := range list[min(offset, end):end] {
		l.add("", func(w *jsonl.Writer) { w.Finding(f) })
	}
	return l, len(list)
}

// statuses are what may be asked of findings: those that stand are all that were not withdrawn.
var statuses = []string{"standing", "open", "closed", "withdrawn", "all"}

// meant lists the findings that a selection means, under the lock.
func (s *Store) meant(want *query.Selection, status string) (list []*anomaly.Finding) {
	var line tracker.Connection
	for _, f := range s.findings {
		if status != "all" && f.Status.String() != status && (status != "standing" || f.Status == anomaly.Withdrawn) {
			continue
		}
		switch row := s.byConn[f.Conn]; {
		case want == nil:
		case f.Population:
			if !want.MatchFinding(f) {
				continue
			}
		case row == nil:
			continue // nobody can tell any more
		default:
			if subject := s.subject(row, &line); !want.Match(&subject) {
				continue
			}
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(x, y *anomaly.Finding) int {
		return cmp.Or(cmp.Compare(y.Severity, x.Severity), cmp.Compare(y.Time, x.Time), cmp.Compare(x.ID, y.ID))
	})
	return list
}

// complete answers with what a selection may go on to.
func (s *server) complete(w http.ResponseWriter, r *http.Request) {
	list := query.Complete(r.FormValue("text"))
	reply(w, http.StatusOK, map[string]any{"event": "completions", "completions": append([]string{}, list[:min(len(list), 50)]...)})
}
