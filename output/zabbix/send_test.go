package zabbix

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what should come at once, on a machine that is slow and busy with other tests.
const patience = 2 * time.Minute

// trapper is a Zabbix server that takes one request, octet by octet as the protocol has it, and answers.
func trapper(t *testing.T, answer func(body []byte) []byte) (conn net.Conn, got <-chan []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	bodies := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		header := make([]byte, 13)
		if _, err := io.ReadFull(c, header); err != nil {
			return
		}
		if !bytes.Equal(header[:5], []byte{'Z', 'B', 'X', 'D', 1}) || !bytes.Equal(header[9:], make([]byte, 4)) {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(header[5:9]))
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		bodies <- body
		c.Write(answer(body))
	}()
	conn, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return conn, bodies
}

func says(info string) []byte {
	body := `{"response":"success","info":"` + info + `"}`
	b := []byte("ZBXD\x01")
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(append(b, 0, 0, 0, 0), body...)
}

func TestSend(t *testing.T) {
	items := []Item{{Host: "web1", Key: "tcptrack.get", Value: `{"a":"ü"}`}, {Host: "web1", Key: "tcp.status[finwait1]", Value: "3"}}
	for i := range items {
		items[i].At(1_700_000_000_123_456_789)
	}
	conn, got := trapper(t, func([]byte) []byte { return says("processed: 2; failed: 0; total: 2; seconds spent: 0.000048") })
	if err := Send(conn, items); err != nil {
		t.Fatal(err)
	}
	var r struct {
		Request   string
		Clock, NS int64
		Data      []map[string]any
	}
	if err := json.Unmarshal(<-got, &r); err != nil || r.Request != "sender data" || r.Clock != 1_700_000_000 || r.NS != 123_456_789 || len(r.Data) != 2 {
		t.Fatalf("%+v %v", r, err)
	}
	if d := r.Data[0]; d["host"] != "web1" || d["key"] != "tcptrack.get" || d["value"] != `{"a":"ü"}` || d["clock"] != 1.7e9 || d["ns"] != 123456789.0 {
		t.Errorf("%v", d)
	}
}

// What a server does not take is told, and what is no server does not hang us or fill our memory.
func TestSendRefused(t *testing.T) {
	one := []Item{{Host: "h", Key: "k", Value: "1"}}
	for name, answer := range map[string][]byte{
		"1 of 1":                   says("processed: 0; failed: 1; total: 1; seconds spent: 0.000048"),
		"processed nothing":        says("processed nothing"),
		"it begins with":           []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"unexpected EOF":           says("processed: 1")[:20],
		"EOF":                      nil,
		"octets, more than":        []byte("ZBXD\x01\xff\xff\xff\x7f\x00\x00\x00\x00x"),
		`it begins with "ZBXD\x03`: []byte("ZBXD\x03\x01\x00\x00\x00\x00\x00\x00\x00x"),
		"invalid character":        Frame([]byte("success")),
		"0 of 1":                   says("processed: 0; failed: 0; total: 0; seconds spent: 0"),
	} {
		conn, _ := trapper(t, func([]byte) []byte { return answer })
		err := Send(conn, one)
		if name == "0 of 1" { // the numbers do not add up: refused all the same
			var refused *Refused
			if !errors.As(err, &refused) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzReadFrame: whatever comes, no more is read or kept than was allowed.
func FuzzReadFrame(f *testing.F) {
	f.Add(Frame([]byte("x")))
	f.Add([]byte("ZBXD\x01\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		body, err := ReadFrame(bytes.NewReader(b), 100)
		if err == nil && (len(body) > 100 || !bytes.Equal(Frame(body)[:9], b[:9])) {
			t.Errorf("%q of %q", body, b)
		}
	})
}
