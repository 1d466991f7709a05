package zabbix

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Key is an item's key, parsed.
type Key struct {
	Name       string
	Parameters []string // those left out are empty
}

// maxKey bounds a key: Zabbix takes no longer one.
const maxKey = 2048

// KeyForm describes a kind of key, for the manual.
type KeyForm struct {
	Form   string // with what stands for parameters
	What   string
	Serve  bool // only a running serve knows it
	answer func(v *Values, p []string) (string, error)
}

// Keys lists all kinds of keys in the order of the manual.
var Keys = []KeyForm{
	{"tcp.status[STATE]", "ends on this host in STATE, in any spelling, or `all`; where packets of other hosts are watched, their servers'", false, ofState},
	{"tcp.status.port[PORT,STATE,SIDE]", "ends of connections to a server's PORT in STATE, or `all`; SIDE is `server` (unless told) or `client`", false, ofPort},
	{"tcptrack.connections[PORT]", "connections, of PORT or of all", false, ofConnections},
	{"tcptrack.stuck[PORT]", "connections on which nothing moves", true, ofStuck},
	{"tcptrack.zerowindow[PORT]", "seconds for which the longest shut window has been shut, 0 for none", true, ofZeroWindow},
	{"tcptrack.finding[CODE]", "findings of CODE that go on", true, ofFinding},
	{"tcptrack.findings[SEVERITY]", "findings that go on, of SEVERITY or of all", true, ofSeverity},
	{"tcptrack.packets", "packets captured since the start", true, judgedNumber(func(j *Judged) uint64 { return j.Packets })},
	{"tcptrack.dropped", "packets that the kernel lost since the start", true, judgedNumber(func(j *Judged) uint64 { return j.Dropped })},
	{"tcptrack.evicted", "connections forgotten because there were too many", true, judgedNumber(func(j *Judged) uint64 { return j.Evicted })},
	{"tcptrack.age", "seconds since all this was counted", true, ofAge},
	{"tcptrack.source", "`serve` or `kernel`", false, func(v *Values, _ []string) (string, error) { return v.Source, nil }},
	{"tcptrack.get", "all of it as JSON, for dependent items", false, ofAll},
	{"tcptrack.discovery", "the ports, for low-level discovery", false, func(v *Values, _ []string) (string, error) { return v.Discovery(nil) }},
}

// name is the form's without its parameters, of which there are most.
func (f *KeyForm) name() (name string, most int) {
	name, rest, has := strings.Cut(f.Form, "[")
	if has {
		most = strings.Count(rest, ",") + 1
	}
	return name, most
}

// ErrServe says that only a running serve could answer.
var ErrServe = errors.New("only a running tcptrack serve knows that: the kernel does not judge")

// ParseKey reads a key as Zabbix writes it: name, or name[a,"b",c].
func ParseKey(text string) (Key, error) {
	if len(text) > maxKey {
		return Key{}, fmt.Errorf("a key of %d octets: Zabbix takes none beyond %d", len(text), maxKey)
	}
	name, rest, has := strings.Cut(strings.TrimSpace(text), "[")
	k := Key{Name: name}
	if !has {
		return k, nil
	}
	rest, closed := strings.CutSuffix(rest, "]")
	if !closed {
		return k, fmt.Errorf("%s: the bracket is not closed", text)
	}
	for {
		var p string
		rest = strings.TrimLeft(rest, " ")
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			end := 0
			for end < len(quoted) && (quoted[end] != '"' || end > 0 && quoted[end-1] == '\\') {
				end++
			}
			if end == len(quoted) {
				return k, fmt.Errorf("%s: a quote is not closed", text)
			}
			p, rest = strings.ReplaceAll(quoted[:end], `\"`, `"`), strings.TrimLeft(quoted[end+1:], " ")
			if rest != "" && rest[0] != ',' {
				return k, fmt.Errorf("%s: nothing but a comma comes behind a quote", text)
			}
			k.Parameters = append(k.Parameters, p)
		} else {
			p, _, _ = strings.Cut(rest, ",")
			rest = rest[len(p):]
			k.Parameters = append(k.Parameters, strings.TrimRight(p, " "))
		}
		if rest == "" {
			return k, nil
		}
		rest = rest[1:]
	}
}

// Port is the port that the key is about, 0 for none.
func (k *Key) Port() uint16 {
	if len(k.Parameters) == 0 || !slices.Contains([]string{"tcp.status.port", "tcptrack.connections", "tcptrack.stuck", "tcptrack.zerowindow"}, k.Name) {
		return 0
	}
	port, _ := strconv.ParseUint(k.Parameters[0], 10, 16)
	return uint16(port)
}

// States are the states that the key is about; others need not be looked for.
func (k *Key) States() tcp.StateSet {
	at := map[string]int{"tcp.status": 0, "tcp.status.port": 1}
	if i, is := at[k.Name]; is && i < len(k.Parameters) {
		if s, ok := tcp.ParseState(k.Parameters[i]); ok {
			return tcp.Set(s)
		}
	}
	return ^tcp.StateSet(0)
}

// Answer answers a key. An ErrServe is among the errors where the kernel alone was asked.
func (v *Values) Answer(k Key) (string, error) {
	for i := range Keys {
		f := &Keys[i]
		name, most := f.name()
		if name != k.Name {
			continue
		}
		p := slices.Clone(k.Parameters)
		for len(p) > 0 && p[len(p)-1] == "" {
			p = p[:len(p)-1]
		}
		if len(p) > most {
			return "", fmt.Errorf("%s takes %d parameters, not %d", f.Form, most, len(p))
		}
		for len(p) < most {
			p = append(p, "")
		}
		if f.Serve && v.Judged == nil {
			return "", fmt.Errorf("%s: %w", k.Name, ErrServe)
		}
		return f.answer(v, p)
	}
	return "", fmt.Errorf("%s: no such key; there are %s", k.Name, strings.Join(forms(), ", "))
}

func forms() (list []string) {
	for i := range Keys {
		list = append(list, Keys[i].Form)
	}
	return list
}

func number(n uint64) string   { return strconv.FormatUint(n, 10) }
func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 3, 64) }

// of is how many ends are in a state as somebody spells it, or in any: listeners are no ends.
func (s States) of(state string) (string, error) {
	if strings.EqualFold(state, "all") {
		sum := uint64(0)
		for name, n := range s {
			if name != spellings[tcp.Listen] {
				sum += n
			}
		}
		return number(sum), nil
	}
	at, ok := tcp.ParseState(state)
	if !ok || spellings[at] == "" {
		return "", fmt.Errorf("%q is no state; there are %s, in any spelling, and all", state, strings.Join(slices.DeleteFunc(slices.Clone(spellings[:]), func(s string) bool { return s == "" }), ", "))
	}
	return number(s[spellings[at]]), nil
}

func ofState(v *Values, p []string) (string, error) { return v.States.of(p[0]) }

// at is a port by its number. One of which nothing is known has no connections.
func (v *Values) at(text string) (*Port, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("%q is no port", text)
	}
	if p := v.Ports[strconv.Itoa(int(port))]; p != nil {
		return p, nil
	}
	none, shut := uint64(0), 0.0
	return &Port{Server: newStates(), Client: newStates(), Stuck: &none, ZeroWindow: &shut}, nil
}

func ofPort(v *Values, p []string) (string, error) {
	port, err := v.at(p[0])
	if err != nil {
		return "", err
	}
	switch strings.ToLower(p[2]) {
	case "", "server":
		return port.Server.of(p[1])
	case "client":
		return port.Client.of(p[1])
	}
	return "", fmt.Errorf("%q is no side; there are server and client", p[2])
}

func ofConnections(v *Values, p []string) (string, error) {
	if p[0] == "" {
		return number(v.Connections), nil
	}
	port, err := v.at(p[0])
	if err != nil {
		return "", err
	}
	return number(port.Connections), nil
}

func ofStuck(v *Values, p []string) (string, error) {
	if p[0] == "" {
		return number(v.Stuck), nil
	}
	port, err := v.at(p[0])
	if err != nil {
		return "", err
	}
	return number(*port.Stuck), nil
}

func ofZeroWindow(v *Values, p []string) (string, error) {
	if p[0] == "" {
		return seconds(v.ZeroWindow), nil
	}
	port, err := v.at(p[0])
	if err != nil {
		return "", err
	}
	return seconds(*port.ZeroWindow), nil
}

func ofFinding(v *Values, p []string) (string, error) {
	if anomaly.Find(p[0]) == nil {
		return "", fmt.Errorf("%q is no code of a finding; tcptrack explain lists them", p[0])
	}
	return number(v.Findings[p[0]]), nil
}

func ofSeverity(v *Values, p []string) (string, error) {
	if p[0] == "" {
		sum := uint64(0)
		for _, n := range v.Severities {
			sum += n
		}
		return number(sum), nil
	}
	s, ok := anomaly.ParseSeverity(p[0])
	if !ok {
		return "", fmt.Errorf("%q is no severity; there are info, notice, warning and critical", p[0])
	}
	return number(v.Severities[s.String()]), nil
}

func judgedNumber(of func(*Judged) uint64) func(*Values, []string) (string, error) {
	return func(v *Values, _ []string) (string, error) { return number(of(v.Judged)), nil }
}

func ofAge(v *Values, _ []string) (string, error) { return seconds(v.Age), nil }

func ofAll(v *Values, _ []string) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}
