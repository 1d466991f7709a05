package query

import (
	"fmt"
	"strings"
)

// Manual tells the language in the words of people, without the fields. Lines are short enough for a terminal.
const Manual = `A selection says which connections are meant:

  port:443 state:fin_wait1        both: a blank means and, so does the word
  state:fin_wait1 or finding:*    either; and binds closer than or
  not port:22                     all others; brackets group: not (a or b)
  port:443,8000..8999             one of several values, or of a range
  state:(fin_wait1 or last_ack)   the same in brackets
  idle:>30s  bytes:>=10KiB        comparisons: > >= < <= = !=
  client:10.0.3.0/24              an address, network, or address with its port
  server.state:close_wait         client. and server. ask for one end
  finding:zero-window-*           * and ? stand for other characters

States are spelled in any usual way: FIN_WAIT1, fin-wait-1, finwait1. Addresses,
states, codes of findings and severities may stand alone: 10.0.3.7 fin_wait1
critical. Times have a unit (ms, s, m, h, d), so have shares (%); sizes and
numbers may have (KiB, MiB, GiB; kB, MB, GB; k, M, G). What is asked for without
a comparison is meant to the digit: 30s is 30 s to just under 31 s, and
start:2026-11-22 is that day. What is not known matches nothing.
`

// Help is the manual and the fields, for a terminal of 80 columns.
func Help() string {
	var b strings.Builder
	b.WriteString(Manual + "\n")
	b.WriteString("  field                of both  what it is\n")
	for i := range Fields {
		f := &Fields[i]
		fmt.Fprintf(&b, "  %-20s %-8s %s\n", f.Name, f.Both, f.Doc)
	}
	b.WriteString("\nClient. and server. may stand in front of those that name what they are of both\nends: either of them, their sum, or the longer.\n")
	return b.String()
}

// Table is the table of fields in Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("| field | of | what it is | values | for example |\n|---|---|---|---|---|\n")
	for i := range Fields {
		f := &Fields[i]
		of := "connection"
		if f.Sided {
			of = "end; " + f.Both
		}
		name := "`" + f.Name + "`"
		for _, also := range f.Also {
			name += ", `" + also + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s` |\n", name, of, f.Doc, f.written(), f.Like)
	}
	return b.String()
}

// written says how values of the field are written.
func (f *Field) written() string {
	switch {
	case f.Name == "finding":
		return "`none`, or a code; `tcptrack explain` lists them"
	case f.Kind == Word:
		return "`" + strings.Join(f.Words, "` `") + "`"
	case f.Share:
		return f.Kind.write() + ", or a share of its life in per cent"
	}
	return f.Kind.write()
}
