package main

import (
	"strings"

	"github.com/spf13/cobra"
)

const diagnoseExample = `  tcptrack diagnose hang.pcap                        what is wrong, whose fault, what to do
  tcptrack diagnose --fail-on critical hang.pcap     the same, and exit with 1 if it is that bad
  tcptrack diagnose --zero-window 10s hang.pcap      shut windows from 10 seconds on
  tcptrack diagnose -Y 'port:443' hang.pcap          of port 443 alone`

// newDiagnose builds the command that tells the findings as a story.
func newDiagnose() *cobra.Command {
	o := readOptions{format: formatStory}
	cmd := &cobra.Command{
		Use:     "diagnose FILE...",
		Short:   "Tell what is wrong in plain words: cause, culprit, remedy, the worst first",
		Example: diagnoseExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.name(args); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.sourceFlags(f)
	f.BoolVar(&o.all, "all", false, "every chapter, what is only worth knowing too")
	o.outputFlags(f)
	o.judgeFlags(f)
	o.selection.add(cmd)
	numericFlag(f)
	return cmd
}

// again spells files as a shell takes them, "" where they cannot be read a second time.
func again(files []string) string {
	if readOnce(files) != "" {
		return ""
	}
	words := make([]string, len(files))
	for i, f := range files {
		words[i] = quoted(f)
	}
	return strings.Join(words, " ")
}

// quoted spells a word as a shell takes it; control characters are escaped, as everywhere.
func quoted(word string) string {
	word = printable(word)
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("/._-+:@%,=", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
