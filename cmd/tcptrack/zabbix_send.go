package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/zabbix"
)

// trapper are the flags of zabbix send.
type trapper struct {
	*zabbixOptions
	server  string
	host    string
	every   time.Duration
	timeout time.Duration
	keys    []string
}

// trapperPort is Zabbix' own.
const trapperPort = "10051"

// newZabbixSend builds the command that sends values to trapper items.
func newZabbixSend(o *zabbixOptions) *cobra.Command {
	t := trapper{zabbixOptions: o}
	cmd := &cobra.Command{
		Use:   "send --server HOST[:PORT] --host NAME [KEY...]",
		Short: "Send values to a Zabbix server's trapper items, without an agent",
		Long:  "Send the values of keys to a Zabbix server or proxy. Without KEY it sends tcptrack.get and tcptrack.discovery, from\nwhich the template of tcptrack zabbix template --trapper makes all the others.",
		RunE: func(cmd *cobra.Command, args []string) error {
			t.keys = args
			if err := t.check(); err != nil {
				return err
			}
			return t.run(cmd)
		},
	}
	hostname, _ := os.Hostname()
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&t.server, "server", "", "send to `HOST[:PORT]`, a Zabbix server or proxy; the port is "+trapperPort+" unless told")
	f.StringVar(&t.host, "host", hostname, "as the host that Zabbix calls `NAME`")
	f.DurationVar(&t.every, "every", 0, "go on, and send every `TIME`, as 1m")
	f.DurationVar(&t.timeout, "timeout", 5*time.Second, "give up after `TIME`")
	f.Lookup("host").DefValue = "" // a manual page is of no host
	return cmd
}

func (t *trapper) check() error {
	if t.server == "" {
		return &problem{errors.New("where to?"), "--server HOST names the Zabbix server or proxy"}
	}
	if t.host == "" {
		return &problem{errors.New("whose values are these?"), "--host NAME, as the host is called in Zabbix"}
	}
	if t.every != 0 && t.every < time.Second {
		return &problem{fmt.Errorf("--every %s: too often", t.every), "1s is the least, 1m is usual"}
	}
	if t.timeout <= 0 {
		return &problem{fmt.Errorf("--timeout %s: over before it begins", t.timeout), "5s is usual"}
	}
	if _, _, err := net.SplitHostPort(t.server); err != nil {
		t.server = net.JoinHostPort(t.server, trapperPort)
	}
	if len(t.keys) == 0 {
		t.keys = []string{"tcptrack.discovery", "tcptrack.get"}
	}
	return nil
}

// run sends once, or until it is interrupted; then what goes wrong is told and the next time tried again.
func (t *trapper) run(cmd *cobra.Command) error {
	ctx, stderr := cmd.Context(), cmd.ErrOrStderr()
	if t.every == 0 {
		return t.send(ctx)
	}
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	lost := false
	for {
		switch err := t.send(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil && !lost:
			lost = true
			printProblem(stderr, err)
		case err == nil && lost:
			lost = false
			fmt.Fprintf(stderr, "tcptrack: %s takes values again\n", printable(t.server))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// send sends the values of now.
func (t *trapper) send(ctx context.Context) error {
	var items []zabbix.Item
	for _, key := range t.keys {
		value, err := t.value(ctx, key)
		if err != nil {
			return err
		}
		i := zabbix.Item{Host: t.host, Key: key, Value: value}
		i.At(time.Now().UnixNano())
		items = append(items, i)
	}
	conn, err := (&net.Dialer{Timeout: t.timeout}).DialContext(ctx, "tcp", t.server)
	if err != nil {
		return &problem{fmt.Errorf("--server %s: %w", t.server, err), "is that a Zabbix server or proxy, and its trapper port?"}
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(t.timeout))
	var refused *zabbix.Refused
	switch err := zabbix.Send(conn, items); {
	case errors.As(err, &refused):
		return &problem{fmt.Errorf("%s: %w", t.server, err), fmt.Sprintf("is there a host %s in Zabbix, enabled, with the template of tcptrack zabbix template --trapper, and does it allow this address? It knows a new host after a minute; %s", t.host, output.Count(uint64(len(items)), "value")+" sent")}
	case err != nil:
		return fmt.Errorf("%s: %w", t.server, err)
	}
	return nil
}
