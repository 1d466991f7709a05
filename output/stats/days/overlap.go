package days

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tcptrack/tcptrack/output"
)

// Common is what some days have in common.
type Common struct {
	Event    string   `json:"event"` // overlap
	Days     []string `json:"days"`  // as 2026-11-22
	Clients  uint64   `json:"clients"`
	Findings uint64   `json:"with_findings"` // on which something was found on each of them
	First    []string `json:"first"`         // of the clients
}

// Overlap returns what days, written as 2026-11-22, have in common, with the names of most clients.
func Overlap(from Store, dates []string, most int) (*Common, error) {
	var there *day
	for _, date := range dates {
		number, err := parse(date)
		if err != nil {
			return nil, err
		}
		d, err := from.open(number)
		switch {
		case err != nil:
			return nil, err
		case there == nil:
			there = d
		default:
			there[seen].And(d[seen])
			there[finding].And(d[finding])
		}
	}
	c := &Common{Event: "overlap", Days: dates, First: []string{}}
	if there == nil {
		return c, nil
	}
	c.Clients, c.Findings = there[seen].GetCardinality(), there[finding].GetCardinality()
	var first []uint64
	for it := there[seen].Iterator(); it.HasNext() && len(first) < most; {
		first = append(first, it.Next())
	}
	names, err := from.names(first)
	c.First = append(c.First, names...)
	return c, err
}

// Table prints it for people.
func (c *Common) Table(w io.Writer) error {
	text := fmt.Sprintf("%s seen on each of %s; something was found each day on %d\n", output.Count(c.Clients, "client"), strings.Join(c.Days, ", "), c.Findings)
	for _, name := range c.First {
		text += name + "\n"
	}
	if n := c.Clients - uint64(len(c.First)); n > 0 {
		text += fmt.Sprintf("and %d more: --busiest N lists N\n", n)
	}
	_, err := io.WriteString(w, text)
	return err
}

// JSON writes it as one line.
func (c *Common) JSON(w io.Writer) error { return json.NewEncoder(w).Encode(c) }

// CSV writes a head and a row; lists have spaces between.
func (c *Common) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"days", "clients", "with_findings", "first"})
	out.Write([]string{strings.Join(c.Days, " "), strconv.FormatUint(c.Clients, 10), strconv.FormatUint(c.Findings, 10), strings.Join(c.First, " ")})
	out.Flush()
	return out.Error()
}
