package jsonl

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Finding writes a finding line, or a later version of one.
func (w *Writer) Finding(f *anomaly.Finding) {
	if !w.events.Finding {
		return
	}
	b := append(w.buf, `{"event":"finding"`...)
	b = w.appendTime(b, `,"time":`, f.Time)
	if !f.Population {
		b = appendUint(b, `,"conn":`, f.Conn)
	}
	b = appendUint(b, `,"packet":`, f.Packet)
	if f.Client != (tcp.Endpoint{}) { // a population may name none
		b = appendEndpoint(b, `,"client":`, f.Client)
	}
	if f.Server != (tcp.Endpoint{}) {
		b = appendEndpoint(b, `,"server":`, f.Server)
	}
	b = appendString(b, `,"id":`, f.ID)
	b = appendWord(b, `,"status":`, f.Status.String())
	b = appendWord(b, `,"code":`, f.Rule.Code)
	b = appendWord(b, `,"severity":`, f.Severity.String())
	b = appendWord(b, `,"culprit":`, f.Culprit.String())
	if f.Sided {
		b = appendWord(b, `,"side":`, f.Side.String())
	}
	b = w.appendTime(b, `,"since":`, f.Since)
	if f.Earlier {
		b = append(b, `,"since_or_earlier":true`...)
	}
	end := f.Time
	if f.Until != 0 {
		end = f.Until
		b = w.appendTime(b, `,"until":`, f.Until)
	} else {
		b = append(b, `,"until":null`...)
	}
	b = appendDecimal(b, `,"duration_s":`, end-f.Since, 9)
	if f.Hidden != 0 {
		b = appendWord(b, `,"hidden_close":`, f.Hidden.String())
	}
	if f.HiddenAt != 0 {
		b = w.appendTime(b, `,"hidden_close_since":`, f.HiddenAt)
	}
	if f.Inconclusive {
		b = append(b, `,"inconclusive":true`...)
	}
	if f.Kernel != nil {
		b = appendKernel(b, `,"kernel":`, f.Kernel, f.KernelSide)
	}
	b = append(b, `,"evidence":[`...)
	for i, p := range f.Evidence {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendDigits(b, p)
	}
	b = appendString(b, `],"summary":`, f.Summary)
	b = appendString(b, `,"cause":`, f.Rule.Cause)
	b = appendString(b, `,"remedy":`, f.Rule.Remedy)
	w.line(appendString(b, `,"wireshark":`, f.Wireshark()))
}

// appendStrings writes a list of strings.
func appendStrings(b []byte, key string, list []string) []byte {
	b = append(append(b, key...), '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, "", s)
	}
	return append(b, ']')
}
