package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
)

// Exit codes, the same for all commands.
const (
	exitFine         = 0
	exitFailed       = 1 // an expectation or --fail-on failed
	exitUsage        = 2 // usage, file or device
	exitInconclusive = 3 // the capture leaves open whether it would have
)

const rootHelp = `tcptrack watches packets and says, for every TCP connection, what state each end is in.

  tcptrack hang.pcap                    what is stuck, worst first
  tcptrack diagnose hang.pcap           why, whose fault, what to do
  tcptrack explain hang.pcap 0          all about connection 0
  tcptrack draw hang.pcap 0             its packets and states, its windows over time
  tcptrack report hang.pcap -O hang.html
                                        one page of it, to send
  tcptrack explain FIN_WAIT1            what a state means, what a finding means
  tcptrack read --all hang.pcap         the healthy connections too
  tcptrack -Y 'port:443 idle:>30s' hang.pcap
                                        some of them; help selection has the words
  tcptrack read -o json hang.pcap       JSON Lines for programs
  tcptrack -i eth0                      the same of an interface, as it happens
  tcptrack top -i eth0                  the same on the full screen, of files too
  tcptrack -i eth0 tcp port 443         some of its packets; help filters has the words
  tcptrack serve -i eth0                as a page at http://127.0.0.1:9293/
  ssh host tcpdump -U -w - tcp | tcptrack read -o json --events all -

A file alone means read, an interface live; a file named like a command needs ./ in front.`

// newRoot builds the command line. Files alone on it mean read, an interface live.
func newRoot() *cobra.Command {
	var o liveOptions
	root := readCommand(&o.readOptions)
	o.liveFlags(root.Flags())
	root.Use = "tcptrack [FILE...]"
	root.Short = "Say what state each end of every TCP connection is in"
	root.Long = rootHelp
	root.Example = ""
	list := root.Flags().BoolP("list-interfaces", "D", false, "list the interfaces, as tcptrack interfaces does")
	readFiles := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && cmd.Flags().NFlag() == 0 {
			return cmd.Help()
		}
		if *list {
			return o.capturing.list(cmd.OutOrStdout(), "table")
		}
		if len(o.interfaces) > 0 {
			if err := o.take(cmd, args); err != nil {
				return err
			}
			if err := o.fits(cmd.Flags(), true); err != nil {
				return err
			}
			return o.runLive(cmd)
		}
		if len(o.files) == 0 {
			if err := mistypedCommand(cmd, args); err != nil {
				return err
			}
		}
		if err := o.fits(cmd.Flags(), false); err != nil {
			return err
		}
		return readFiles(cmd, args)
	}
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(flagProblem)
	root.AddCommand(newRead(), newLive(), newTop(), newDiagnose(), newExplain(), newDraw(), newReport(), newStats(), newExtract(), newCheck(), newServe(), newSelectionHelp(), newMan(), newVersion())
	root.AddCommand(newInterfaces(), newDoctor())
	root.AddCommand(newFilterHelp())
	root.AddCommand(newZabbix())
	strictHelp(root)
	completeFlags(root)
	return root
}

// strictHelp has help refuse what is no command: to cobra every word is one of the root's, whose help it would print.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, help := range root.Commands() {
		if help.Name() != "help" {
			continue
		}
		help.Args = func(_ *cobra.Command, args []string) error {
			at := root
			for _, word := range args {
				var names []string
				var next *cobra.Command
				for _, c := range at.Commands() {
					if names = append(names, c.Name()); c.Name() == word || c.HasAlias(word) {
						next = c
					}
				}
				if at = next; at == nil {
					return unknownWord("command", word, names)
				}
			}
			return nil
		}
	}
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil || isBrokenPipe(err) {
		return exitFine
	}
	var v *verdict
	if !errors.As(err, &v) {
		printProblem(stderr, err)
		return exitUsage
	}
	if v.why != "" {
		printProblem(stderr, err)
	}
	return v.code
}
