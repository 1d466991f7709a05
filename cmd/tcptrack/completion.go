package main

import (
	"net"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
)

// completeFlags lets the shell complete the flags whose values are words, of a command and of those below it.
func completeFlags(cmd *cobra.Command) {
	words := map[string][]string{
		"backend": {capture.BackendRing, capture.BackendPcap}, "checksum": checksumWords, "color": colorWords, "events": eventNames,
		"fail-on": levelWords, "save-level": levelWords, "output": outputWords(cmd),
	}
	for name, list := range words {
		if cmd.Flags().Lookup(name) != nil {
			cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	if cmd.Flags().Lookup("interface") != nil {
		cmd.RegisterFlagCompletionFunc("interface", interfaceNames)
	}
	for _, c := range cmd.Commands() {
		completeFlags(c)
	}
}

// outputWords are the formats of a command.
func outputWords(cmd *cobra.Command) []string {
	switch cmd.Name() {
	case "interfaces", "doctor":
		return []string{"table", "json"}
	case "stats":
		return statsFormats
	}
	return formats
}

// interfaceNames are the interfaces that are there now.
func interfaceNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names := []string{capture.AnyInterface}
	for _, i := range list {
		names = append(names, i.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
