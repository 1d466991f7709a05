package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
)

// portLine is an interface as interfaces tells of it.
type portLine struct {
	Name      string   `json:"name"`
	Index     int      `json:"index"`
	Link      string   `json:"link"`
	Up        bool     `json:"up"`
	Addresses []string `json:"addresses"`
	Capture   bool     `json:"capture"`            // it would work
	BackEnd   string   `json:"back_end,omitempty"` // through which
	Why       string   `json:"why,omitempty"`      // it would not
}

// newInterfaces builds the command that lists what may be captured from.
func newInterfaces() *cobra.Command {
	var format string
	var where capturing
	cmd := &cobra.Command{
		Use:     "interfaces",
		Aliases: []string{"ifaces"},
		Short:   "List the interfaces, and whether capturing from them would work",
		Args:    noWords,
		RunE:    func(cmd *cobra.Command, _ []string) error { return where.list(cmd.OutOrStdout(), format) },
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "`FORMAT`: table, json (JSON Lines)")
	where.addPlace(cmd.Flags())
	return cmd
}

// list writes the interfaces; the verdict of none that could be captured from is exit code 2.
func (c *capturing) list(w io.Writer, format string) error {
	if format != "table" && format != "json" {
		return unknownWord("format", format, []string{"table", "json"})
	}
	if err := c.begin(); err != nil {
		return err
	}
	defer c.end()
	lines, err := c.ports()
	if err != nil {
		return err
	}
	possible := false
	for _, l := range lines {
		possible = possible || l.Capture
	}
	if format == "json" {
		encoder := json.NewEncoder(w)
		for _, l := range lines {
			if err := encoder.Encode(l); err != nil {
				return err
			}
		}
	} else if err := tabulate(w, lines); err != nil {
		return err
	}
	if !possible {
		return &verdict{exitUsage, "capturing is impossible here; tcptrack doctor says why"}
	}
	return nil
}

func tabulate(w io.Writer, lines []portLine) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "INDEX\tNAME\tLINK\tSTATE\tCAPTURE\tADDRESSES")
	for _, l := range lines {
		state, capture := "down", l.BackEnd
		if l.Up {
			state = "up"
		}
		if !l.Capture {
			capture = "no: " + l.Why
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", l.Index, printable(l.Name), l.Link, state, capture, strings.Join(l.Addresses, " "))
	}
	return table.Flush()
}

// ports looks at each interface, and tries to capture from it.
func (c *capturing) ports() (lines []portLine, err error) {
	var ports []capture.Port
	c.thread.Do(func() { ports, err = capture.Ports() })
	if err != nil {
		return nil, err
	}
	for _, p := range ports {
		l := portLine{Name: p.Name, Index: p.Index, Link: p.Link, Up: p.Up, Addresses: append([]string{}, p.Addresses...)}
		if err := c.try(p.Name); err != nil {
			l.Why = shortReason(err)
		} else {
			l.Capture, l.BackEnd = true, c.usual()
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// try opens an interface and closes it again.
func (c *capturing) try(name string) error {
	src, err := capture.Live([]string{name}, capture.LiveOptions{Backend: c.backend, Do: c.thread.Do})
	if err != nil {
		return err
	}
	return src.Close()
}

// usual is the back end that live would take.
func (c *capturing) usual() string {
	if names := capture.Backends(); c.backend == "" && len(names) > 0 {
		return names[0]
	}
	return c.backend
}
