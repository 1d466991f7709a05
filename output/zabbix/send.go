package zabbix

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// maxAnswer bounds what is read of a server's answer: a sentence.
const maxAnswer = 64 << 10

// Item is a value for an item of type trapper.
type Item struct {
	Host  string `json:"host"`
	Key   string `json:"key"`
	Value string `json:"value"`
	Clock int64  `json:"clock"` // seconds since 1970 UTC
	NS    int64  `json:"ns"`    // and nanoseconds
}

// At stamps an item, in nanoseconds since 1970 UTC.
func (i *Item) At(ns int64) { i.Clock, i.NS = ns/1e9, ns%1e9 }

type request struct {
	Request string `json:"request"`
	Data    []Item `json:"data"`
	Clock   int64  `json:"clock"`
	NS      int64  `json:"ns"`
}

// Refused says that the server did not take all values.
type Refused struct {
	Failed, Total int
	Info          string // its words
}

func (r *Refused) Error() string {
	if r.Total == 0 {
		return fmt.Sprintf("the server answers %q", r.Info)
	}
	return fmt.Sprintf("the server refuses %d of %d values", r.Failed, r.Total)
}

var info = regexp.MustCompile(`failed: (\d+); total: (\d+)`)

// Send hands values to a Zabbix server or proxy over a connection, which must have a deadline, and reads what it says;
// they are stamped as sent at the time of the first. It returns a *Refused if not all were taken.
func Send(conn io.ReadWriter, items []Item) error {
	r := request{Request: "sender data", Data: items}
	if len(items) > 0 {
		r.Clock, r.NS = items[0].Clock, items[0].NS
	}
	body, err := json.Marshal(&r)
	if err != nil {
		return err
	}
	if _, err := conn.Write(Frame(body)); err != nil {
		return err
	}
	said, err := ReadFrame(conn, maxAnswer)
	if err != nil {
		return fmt.Errorf("no answer of a Zabbix server: %w", err)
	}
	var answer struct{ Response, Info string }
	if err := json.Unmarshal(said, &answer); err != nil {
		return fmt.Errorf("no answer of a Zabbix server: %w", err)
	}
	m := info.FindStringSubmatch(answer.Info)
	if answer.Response != "success" || m == nil {
		return &Refused{Info: answer.Response + " " + answer.Info}
	}
	failed, _ := strconv.Atoi(m[1])
	total, _ := strconv.Atoi(m[2])
	if failed > 0 || total != len(items) {
		return &Refused{failed, total, answer.Info}
	}
	return nil
}

// magic and the flag of the plain protocol; others compress, or have 64-bit lengths.
const (
	magic = "ZBXD"
	plain = 1
)

// Frame puts the header of Zabbix' protocol before a message: ZBXD, flags, the length and a reserved field, little endian.
func Frame(body []byte) []byte {
	b := bytes.NewBufferString(magic)
	b.WriteByte(plain)
	var lengths [8]byte
	binary.LittleEndian.PutUint32(lengths[:], uint32(len(body)))
	b.Write(lengths[:])
	b.Write(body)
	return b.Bytes()
}

// ReadFrame reads a message of at most so many octets.
func ReadFrame(from io.Reader, most int) ([]byte, error) {
	var header [13]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return nil, err
	}
	if string(header[:4]) != magic || header[4] != plain {
		return nil, fmt.Errorf("it begins with %q", header[:5])
	}
	n := binary.LittleEndian.Uint32(header[5:])
	if int64(n) > int64(most) {
		return nil, fmt.Errorf("it has %d octets, more than %d", n, most)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(from, body)
	return body, err
}
