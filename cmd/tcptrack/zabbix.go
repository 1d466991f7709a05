package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/internal/sockets"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/census"
	"github.com/tcptrack/tcptrack/output/stats"
	"github.com/tcptrack/tcptrack/output/zabbix"
	"github.com/tcptrack/tcptrack/tracker"
)

const (
	// defaultSocket is where the service serves, see deploy/systemd.
	defaultSocket = "/run/tcptrack/socket"
	// askTime is how long a running serve may take: an agent gives up after 3 s.
	askTime = 2 * time.Second
	// maxValues bounds what it may say, which is some 20 KiB.
	maxValues = 4 << 20
)

// zabbixOptions are the flags that all of zabbix have.
type zabbixOptions struct {
	socket string
	source string
}

var zabbixSources = []string{"auto", zabbix.FromServe, zabbix.FromKernel}

const zabbixExample = `  tcptrack zabbix get 'tcp.status[finwait1]'            ends in FIN_WAIT1 on this host
  tcptrack zabbix get 'tcp.status.port[443,closewait]'  of the servers at port 443
  tcptrack zabbix get tcptrack.get                      everything, as JSON
  tcptrack zabbix discovery                             the ports, for low-level discovery
  tcptrack zabbix send --server zabbix.example:10051 --host web1 --every 1m
  tcptrack zabbix template --for 7.0 >tcptrack.yaml     to import into Zabbix`

// newZabbix builds the command that answers a Zabbix agent.
func newZabbix() *cobra.Command {
	var o zabbixOptions
	cmd := &cobra.Command{
		Use:     "zabbix get KEY | discovery | send | template",
		Short:   "Answer the keys of a Zabbix agent, from a running serve or this host's sockets",
		Example: zabbixExample,
		Args:    noWords,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o.add(cmd.PersistentFlags())
	cmd.AddCommand(o.newGet(), o.newDiscovery(), newZabbixSend(&o), newZabbixTemplate())
	return cmd
}

func (o *zabbixOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.socket, "socket", defaultSocket, "ask the serve that was started with --socket `PATH`")
	f.StringVar(&o.source, "source", "auto", "ask `SOURCE`: serve, kernel, or auto: the kernel where no serve answers")
}

func (o *zabbixOptions) newGet() *cobra.Command {
	var help strings.Builder
	for _, k := range zabbix.Keys {
		fmt.Fprintf(&help, "  %-34s %s", k.Form, k.What)
		if k.Serve {
			help.WriteString("; from serve alone")
		}
		help.WriteString("\n")
	}
	return &cobra.Command{
		Use:   "get KEY",
		Short: "Print the value of a key",
		Long:  "Print the value of a key:\n\n" + help.String(),
		Args:  oneWord("a key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := o.value(cmd.Context(), args[0])
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), value)
			}
			return err
		},
	}
}

func (o *zabbixOptions) newDiscovery() *cobra.Command {
	return &cobra.Command{
		Use:   "discovery",
		Short: "Print the ports, as low-level discovery has them",
		Args:  noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			value, err := o.value(cmd.Context(), "tcptrack.discovery")
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), value)
			}
			return err
		},
	}
}

// newZabbixTemplate builds the command that prints a template.
func newZabbixTemplate() *cobra.Command {
	var t zabbix.Template
	cmd := &cobra.Command{
		Use:   "template",
		Short: "Print a template to import into Zabbix",
		Args:  noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			known := false
			for _, v := range zabbix.Versions {
				known = known || v == t.Version
			}
			if !known {
				return unknownWord("version of Zabbix", t.Version, zabbix.Versions)
			}
			_, err := io.WriteString(cmd.OutOrStdout(), t.YAML())
			return err
		},
	}
	cmd.Flags().StringVar(&t.Version, "for", zabbix.Versions[0], "for Zabbix `VERSION` and later: "+strings.Join(zabbix.Versions, ", "))
	cmd.Flags().BoolVar(&t.Trapper, "trapper", false, "for values that tcptrack zabbix send sends, without an agent")
	return cmd
}

// value answers a key.
func (o *zabbixOptions) value(ctx context.Context, key string) (string, error) {
	k, err := zabbix.ParseKey(key)
	if err != nil {
		return "", &problem{err, "as 'tcp.status[finwait1]'; tcptrack zabbix get --help lists the keys"}
	}
	v, why, err := o.values(ctx, &k)
	if err != nil {
		return "", err
	}
	return answer(v, k, why)
}

// answer answers a key; why is what keeps serve from doing it, nil for nothing.
func answer(v *zabbix.Values, k zabbix.Key, why error) (text string, err error) {
	if k.Name == "tcptrack.discovery" && len(k.Parameters) == 0 {
		text, err = v.Discovery(serviceNames())
	} else {
		text, err = v.Answer(k)
	}
	switch {
	case errors.Is(err, zabbix.ErrServe) && why != nil:
		return "", &problem{err, why.Error() + "; tcptrack serve -i INTERFACE --socket PATH answers there"}
	case err != nil:
		return "", &problem{err, "tcptrack zabbix get --help lists the keys"}
	}
	return text, nil
}

// values asks serve, or where none answers the kernel; then why says what was wrong.
func (o *zabbixOptions) values(ctx context.Context, k *zabbix.Key) (v *zabbix.Values, why, err error) {
	switch o.source {
	case zabbix.FromKernel:
		v, err = fromKernel(k)
		return v, errors.New("--source kernel asks no serve"), err
	case "auto", zabbix.FromServe:
	default:
		return nil, nil, unknownWord("source", o.source, zabbixSources)
	}
	v, why = o.fromServe(ctx, k.Port())
	if why != nil && o.source == zabbix.FromServe {
		return nil, nil, &problem{why, "tcptrack serve -i INTERFACE --socket PATH answers there; --socket-group says who may ask"}
	}
	if why != nil {
		v, err = fromKernel(k)
		return v, why, err
	}
	// No packet shows a listener; where the kernel does not tell either, there are none.
	_ = scanSockets(tcp.Set(tcp.Listen), func(s *sockets.Socket) { v.Listen(s.Local.Port) })
	return v, nil, nil
}

// fromServe asks a running serve.
func (o *zabbixOptions) fromServe(ctx context.Context, port uint16) (*zabbix.Values, error) {
	client := http.Client{Timeout: askTime, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", o.socket)
	}}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://serve"+agentPath+"?port="+strconv.Itoa(int(port)), nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		for next := err; next != nil; next = errors.Unwrap(next) {
			err = next // its last word: no such file, permission denied
		}
		return nil, fmt.Errorf("no serve at %s: %w", o.socket, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("serve at %s: %s", o.socket, answer.Status)
	}
	v := zabbix.NewValues(zabbix.FromServe)
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxValues)).Decode(v); err != nil {
		return nil, fmt.Errorf("serve at %s: %w", o.socket, err)
	}
	if v.Judged == nil {
		return nil, fmt.Errorf("serve at %s: is of another version", o.socket)
	}
	return v, nil
}

// fromKernel counts this host's sockets, as far as a key is about them.
func fromKernel(k *zabbix.Key) (*zabbix.Values, error) {
	v, listens := zabbix.NewValues(zabbix.FromKernel), listeners{}
	err := scanSockets(tcp.Set(tcp.Listen), func(s *sockets.Socket) {
		listens[s.Local] = true
		v.Listen(s.Local.Port)
	})
	count := map[stats.Key]uint64{}
	if err == nil {
		err = scanSockets(connected&k.States(), func(s *sockets.Socket) {
			if listens.serves(s.Local, s.Remote) {
				count[stats.Key{Port: s.Local.Port, Side: tracker.Server, State: s.State}]++
			} else {
				count[stats.Key{Port: s.Remote.Port, Side: tracker.Client, State: s.State}]++
			}
		})
	}
	if err != nil {
		return nil, &problem{err, "this needs a kernel with CONFIG_INET_TCP_DIAG, or a running tcptrack serve"}
	}
	for k, n := range count {
		v.Add(k.Port, k.Side, k.State, n)
	}
	v.Bound(census.MaxPorts, k.Port())
	return v, nil
}

// scanSockets shows this host's sockets that are in certain states.
func scanSockets(states tcp.StateSet, see func(*sockets.Socket)) error {
	r, err := sockets.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Glance(states, func(s *sockets.Socket) bool {
		see(s)
		return true
	})
}

// maxServices bounds /etc/services.
const maxServices = 1 << 20

// serviceNames knows the names of ports that this host knows.
func serviceNames() func(uint16) string {
	names := map[uint16]string{}
	f, err := os.Open("/etc/services")
	if err == nil {
		defer f.Close()
		text, _ := io.ReadAll(io.LimitReader(f, maxServices))
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(line, "#")
			fields := strings.Fields(line)
			if len(fields) < 2 {
				continue
			}
			number, protocol, _ := strings.Cut(fields[1], "/")
			if port, err := strconv.ParseUint(number, 10, 16); err == nil && protocol == "tcp" && names[uint16(port)] == "" {
				names[uint16(port)] = fields[0]
			}
		}
	}
	return func(port uint16) string { return names[port] }
}
