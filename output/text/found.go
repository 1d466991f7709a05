package text

import (
	"cmp"
	"slices"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// finding is the latest of a finding, as far as a table shows it.
type finding struct {
	id, code, summary string
	severity          anomaly.Severity
	hidden            tracker.Hidden
	since, until      int64
	kernel            string // what the kernel of one end says
}

// note is the finding in a line.
func (f *finding) note() string {
	s := f.severity.String() + " " + f.code + ": " + f.summary
	if f.hidden != tracker.HiddenNone {
		s += "; a close hidden behind it: " + f.hidden.String()
	}
	if f.kernel != "" {
		s += "; " + f.kernel
	}
	return s
}

// kernelOf is what the kernel says of an end of the finding's connection, "" for nothing.
func kernelOf(f *anomaly.Finding) string {
	if f.Kernel == nil {
		return ""
	}
	return "the " + f.KernelSide.String() + "'s kernel: " + output.KernelSays(f.Kernel)
}

// lasted is for how long it stood, up to last where it still does.
func (f *finding) lasted(last int64) int64 {
	if f.until != 0 {
		last = f.until
	}
	return max(last-f.since, 0)
}

// found keeps the findings of the connections whose lines have not come, and those about populations.
type found struct {
	conns map[uint64][]finding
	crowd []finding
}

// maxFound bounds the connections with findings whose lines have not come; those beyond it show their codes alone.
const maxFound = 1 << 18

// maxCrowd bounds the findings about populations.
const maxCrowd = 1000

// take keeps a finding, or what became of one.
func (x *found) take(f *anomaly.Finding) {
	if f.Population {
		x.crowd = replace(x.crowd, f, maxCrowd)
		return
	}
	if x.conns == nil {
		x.conns = map[uint64][]finding{}
	}
	list, ok := x.conns[f.Conn]
	if !ok && len(x.conns) >= maxFound {
		return
	}
	x.conns[f.Conn] = replace(list, f, 64)
}

// find returns what was last taken of a finding, and whether anything was.
func (x *found) find(f *anomaly.Finding) (finding, bool) {
	list := x.crowd
	if !f.Population {
		list = x.conns[f.Conn]
	}
	if i := slices.IndexFunc(list, func(g finding) bool { return g.id == f.ID }); i >= 0 {
		return list[i], true
	}
	return finding{}, false
}

// replace puts the finding into the list at the place of the one that had its ID, or behind the last; one that is
// withdrawn leaves it.
func replace(list []finding, f *anomaly.Finding, bound int) []finding {
	i := slices.IndexFunc(list, func(g finding) bool { return g.id == f.ID })
	switch {
	case f.Status == anomaly.Withdrawn && i >= 0:
		return slices.Delete(list, i, i+1)
	case f.Status == anomaly.Withdrawn || i < 0 && len(list) >= bound:
		return list
	case i < 0:
		i = len(list)
		list = append(list, finding{})
	}
	list[i] = finding{f.ID, f.Rule.Code, f.Summary, f.Severity, f.Hidden, f.Since, f.Until, kernelOf(f)}
	return list
}

// of returns the findings of a connection that retires, the worst first, and forgets them.
func (x *found) of(c *tracker.Connection) []finding {
	list := x.conns[c.Conn]
	delete(x.conns, c.Conn)
	if list == nil {
		for _, code := range c.Findings {
			if r := anomaly.Find(code); r != nil {
				list = append(list, finding{code: code, summary: r.Title, severity: r.Severity, since: c.Start})
			}
		}
	}
	return bySeverity(list)
}

// crowds returns the findings about populations, the worst first.
func (x *found) crowds() []finding { return bySeverity(x.crowd) }

func bySeverity(list []finding) []finding {
	slices.SortStableFunc(list, func(a, b finding) int { return cmp.Compare(b.severity, a.severity) })
	return list
}

// worst is the code of the worst finding, "" for none.
func (r *row) worst() string {
	if len(r.found) == 0 {
		return ""
	}
	return r.found[0].code
}
