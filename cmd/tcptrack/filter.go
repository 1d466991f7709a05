package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
)

// filtering says which packets are taken: -f, or the words behind -i or -r.
type filtering struct {
	text string
}

// add adds the flag.
func (f *filtering) add(flags *pflag.FlagSet) {
	flags.StringVarP(&f.text, "filter", "f", "", "take the packets that `EXPR` means, as 'tcp port 443'; also as words behind -i or -r; tcptrack help filters")
}

// words takes what stands behind -i or -r.
func (f *filtering) words(words []string) error {
	switch {
	case len(words) == 0:
		return nil
	case f.text != "":
		return &problem{fmt.Errorf("-f %s and the words %s: two filters", quoted(f.text), quoted(strings.Join(words, " "))), "join them with and"}
	}
	if _, err := os.Stat(words[0]); err == nil {
		return &problem{fmt.Errorf("%s: words behind -i and -r are a filter, and this is a file", words[0]), "tcptrack read FILE... takes files, -r FILE one each"}
	}
	f.text = strings.Join(words, " ")
	return nil
}

// parse reads the expression, nil where there is none.
func (f *filtering) parse() (*capture.Filter, error) {
	if strings.TrimSpace(f.text) == "" {
		return nil, nil
	}
	filter, err := capture.NewFilter(f.text)
	if err != nil {
		return nil, err // no typed nil
	}
	return filter, nil
}

// name takes the arguments: files, or behind -r the words of a filter.
func (o *readOptions) name(args []string) error {
	if len(o.files) > 0 {
		return o.filtering.words(args)
	}
	o.files = args
	return nil
}

// filterStep is what to do about an expression.
func filterStep(err error) string {
	var wrong *capture.FilterError
	if !errors.As(err, &wrong) {
		return ""
	}
	if wrong.Outside {
		return "the build with libpcap (go build -tags libpcap) knows all of pcap-filter(7); tcptrack help filters has what this one knows"
	}
	return "tcptrack help filters has the language"
}

// newFilterHelp is the page of the manual about the language; it runs nothing.
func newFilterHelp() *cobra.Command {
	return &cobra.Command{Use: "filters", Short: "The language of -f: which packets are taken", Long: strings.TrimSpace(filterHelp)}
}

const filterHelp = `
A filter says which packets are taken, before anything is made of them: -f EXPR, or the words behind -i INTERFACE or
-r FILE. The language is that of tcpdump, pcap-filter(7). A build with libpcap knows all of it, every build this:

  tcp  ip  ip6                     the protocol
  host ADDRESS                     10.0.0.1, 2001:db8::1
  net NET                          10.0.0.0/8, 10.1, 10.0.0.0 mask 255.0.0.0, 2001:db8::/32
  port NUMBER  portrange LOW-HIGH  of TCP, UDP and SCTP; tcp in front: of TCP alone
  src  dst  src and dst            in front of those: one end, or both; without, either
  vlan [NUMBER]                    a tagged frame; what stands behind it is sought behind the tag
  tcp[tcpflags] & tcp-syn != 0     an octet of the TCP header of IPv4, tcp[13] and its like too, and-ed or not,
                                   compared by = != < <= > >= to numbers and the flags
                                   tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg tcp-ece tcp-cwr, joined by |
  not  and  or  ( )                also ! && ||; and and or bind alike, from left to right

A number or address alone takes what is in front of the one before: port 80 or 443. Numbers, no names.

Connections and streams of files keep the numbers that they have without a filter. -Y selects among connections, once
their states are known; tcptrack help selection.
`
