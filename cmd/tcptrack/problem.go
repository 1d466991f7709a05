package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/internal/query"
)

// problem is an error with the step that helps.
type problem struct {
	err  error
	next string
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

// printProblem writes the thing and the reason on one line and the next step on another.
func printProblem(w io.Writer, err error) {
	fmt.Fprintf(w, "tcptrack: %s\n", printable(plainError(err)))
	if next := nextStep(err); next != "" {
		fmt.Fprintf(w, "  %s\n", printable(next))
	}
}

// plainError is the text without which package it came from: that is for programmers.
func plainError(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted before the end"
	}
	text := err.Error()
	for _, name := range []string{"capture: ", "rights: ", "sockets: "} {
		text = strings.TrimPrefix(text, name)
	}
	return text
}

// nextStep is what to do about err, "" where its text says all.
func nextStep(err error) string {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p.next
	case filterStep(err) != "":
		return filterStep(err)
	case strings.HasPrefix(err.Error(), "capture: open "):
		return readStep(err)
	case errors.Is(err, fs.ErrNotExist):
		return "check the path"
	case errors.Is(err, fs.ErrPermission):
		return "name another place, or run as a user who may"
	case errors.Is(err, syscall.EISDIR):
		return "name a file in it"
	}
	return ""
}

// readStep is what to do about a capture that cannot be opened.
func readStep(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "check the path; tcpdump -i any -w FILE tcp writes a capture"
	case errors.Is(err, fs.ErrPermission):
		return "run as a user who may, or let this one: sudo chmod a+r FILE"
	}
	return ""
}

func isBrokenPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// printable escapes control characters, so that a name cannot drive the terminal; line ends stay.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// flagProblem names the nearest flag beside one that does not exist.
func flagProblem(cmd *cobra.Command, err error) error {
	next := fmt.Sprintf("%s --help lists the flags", cmd.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if name := query.Nearest(unknown.GetSpecifiedName(), names); name != "" {
			next = fmt.Sprintf("did you mean --%s? %s", name, next)
		}
	}
	var invalid *pflag.InvalidValueError
	var number *strconv.NumError
	if errors.As(err, &invalid) && errors.As(err, &number) {
		what := "a number from 0 up"
		if invalid.GetFlag().Value.Type() == "bool" {
			what = "true or false"
		}
		err = fmt.Errorf("--%s %s: not %s", invalid.GetFlag().Name, invalid.GetValue(), what)
	}
	return &problem{err, next}
}

// mistypedCommand says whether the first of args, which is not a file, was meant as a command.
func mistypedCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 || args[0] == "-" || strings.ContainsAny(args[0], "./") {
		return nil
	}
	if _, err := os.Stat(args[0]); err == nil {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	next := "tcptrack --help lists the commands"
	if name := query.Nearest(args[0], names); name != "" {
		next = fmt.Sprintf("did you mean %s? %s", name, next)
	}
	return &problem{fmt.Errorf("%s: no such file, and no such command", args[0]), next}
}

// noWords is cobra.NoArgs with the next step, and the nearest of the commands below.
func noWords(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var below []string
	for _, c := range cmd.Commands() {
		below = append(below, c.Name())
	}
	if len(below) > 0 {
		return unknownWord("command", args[0], below)
	}
	return &problem{fmt.Errorf("%s takes no word, and there is %q", cmd.CommandPath(), args[0]), cmd.CommandPath() + " --help has its flags"}
}

// oneWord is cobra.ExactArgs(1) with the next step; what says which word is wanted.
func oneWord(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return &problem{fmt.Errorf("%s takes %s, and there are %d words", cmd.CommandPath(), what, len(args)), fmt.Sprintf("as %s; %s --help has more", strings.TrimSuffix(cmd.UseLine(), " [flags]"), cmd.CommandPath())}
	}
}

// unknownWord is the problem of a value that is none of those allowed.
func unknownWord(what, word string, allowed []string) error {
	next := "one of " + strings.Join(allowed, ", ")
	if name := query.Nearest(word, allowed); name != "" {
		next = fmt.Sprintf("did you mean %s? %s", name, next)
	}
	return &problem{fmt.Errorf("unknown %s %q", what, word), next}
}
