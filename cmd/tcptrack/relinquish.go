package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/internal/rights"
)

// relinquishing is -Z: whom root becomes. The order is: open interfaces, files and directories; relinquish; capture.
type relinquishing struct {
	user string
	keep []rights.Capability // for capturing.thread, beside cap_net_raw
}

func (r *relinquishing) add(f *pflag.FlagSet) {
	f.StringVarP(&r.user, "relinquish-privileges", "Z", "", "as root, become `USER` once all is open; without it who called sudo, or nobody; root stays root")
}

// ownProcess marks the context of a process that is tcptrack's alone, whose rights may be given up.
type ownProcess struct{}

// target is whom root becomes, and whether that was asked for.
func (r *relinquishing) target() (to rights.User, asked bool, err error) {
	if r.user == "" {
		return rights.Invoker(os.Getenv), false, nil
	}
	to, err = rights.Named(r.user)
	if err != nil {
		err = &problem{err, "-Z takes a user of this system by name or number, or root to stay"}
	}
	return to, true, err
}

// relinquish gives up all rights but those of the thread, and says so in one line. Before that it hands on what was made to
// save packets in.
func (r *relinquishing) relinquish(ctx context.Context, thread *rights.Thread, saved *saving, stderr io.Writer, quiet bool) error {
	if ctx.Value(ownProcess{}) == nil {
		return nil
	}
	to, asked, err := r.target()
	if err != nil {
		return err
	}
	say := func(format string, args ...any) {
		if !quiet {
			fmt.Fprintf(stderr, "tcptrack: "+format+"\n", args...)
		}
	}
	root := os.Geteuid() == 0
	if root && to.Root() {
		return nil
	}
	if root {
		if why, next := saved.obstacle(to); why != "" && asked {
			return &problem{errors.New(why), next + "; or stay root: -Z root"}
		} else if why != "" {
			say("stays root: %s", why)
			return nil
		}
	}
	keep := append([]rights.Capability{rights.NetRaw}, r.keep...)
	switch err := thread.Drop(to, keep...); {
	case err == nil && root:
		say("goes on as %s, with no rights but %s; -Z root stays root", to, words(keep))
	case err == nil:
	case asked || !errors.Is(err, rights.ErrStays):
		return &problem{err, "-Z root stays root"}
	default:
		say("stays root, which may not become %s here", to)
	}
	return nil
}

// words lists capabilities.
func words(list []rights.Capability) string {
	var names []string
	for _, c := range list {
		names = append(names, c.String())
	}
	return strings.Join(names, ", ")
}

// obstacle hands what this run has made to another user, and says why that user could not go on to write, and what helps;
// "" if nothing is in the way.
func (s *saving) obstacle(to rights.User) (why, next string) {
	var err error
	if s.saver != nil {
		err = s.saver.HandTo(to.UID, to.GID)
	}
	if s.keeper != nil && err == nil {
		err = s.keeper.HandTo(to.UID, to.GID)
	}
	if err != nil {
		return fmt.Sprintf("%s cannot be given to %s: %v", printable(strings.Join(s.later(), ", ")), to, plainError(err)), "name another place"
	}
	for _, name := range s.later() {
		if !to.MayWrite(name) {
			return fmt.Sprintf("%s may not make files in %s, and some are to be made later", to, printable(name)),
				fmt.Sprintf("let them: sudo chown %s %s", to, quoted(name))
		}
	}
	return "", ""
}

// later are the directories in which files are made once the capture runs.
func (s *saving) later() (directories []string) {
	if s.name != "" && s.name != "-" && (s.size != "" || s.seconds > 0) {
		directories = append(directories, filepath.Dir(s.name))
	}
	if s.directory != "" {
		directories = append(directories, s.directory)
	}
	return directories
}
