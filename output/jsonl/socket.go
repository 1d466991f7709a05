package jsonl

import (
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// Socket writes the line of an answer of the kernel.
func (w *Writer) Socket(s *output.Socket) {
	if !w.events.Socket {
		return
	}
	b := append(w.buf, `{"event":"socket"`...)
	b = w.appendTime(b, `,"time":`, s.Time)
	b = appendUint(b, `,"conn":`, s.Conn)
	b = appendUint(b, `,"packet":`, s.Packet)
	b = appendEndpoint(b, `,"client":`, s.Client)
	b = appendEndpoint(b, `,"server":`, s.Server)
	b = appendString(b, `,"wire":{"state":`, s.Wire.String())
	b = w.words.appendSet(append(b, `,"possible":`...), s.Possible)
	b = appendKernel(b, `},"kernel":`, &s.Word, s.Side)
	w.line(appendBool(b, `,"differs":`, s.Differs))
}

// appendKernel writes what the kernel of that side says of its socket.
func appendKernel(b []byte, key string, k *tracker.Word, side tracker.Side) []byte {
	b = appendString(append(b, key...), `{"side":`, side.String())
	b = appendString(b, `,"state":`, k.State.String())
	b = appendUint(b, `,"receive_queue":`, uint64(k.RecvQueue))
	b = appendUint(b, `,"send_queue":`, uint64(k.SendQueue))
	b = appendUint(b, `,"unsent":`, uint64(k.Unsent))
	b = appendUint(b, `,"memory":`, k.Memory)
	if k.Timer != "" {
		b = appendString(b, `,"timer":`, k.Timer)
		b = appendDecimal(b, `,"timer_s":`, k.Expires, 9)
		b = appendUint(b, `,"retries":`, uint64(k.Retries))
	}
	b = appendUint(b, `,"uid":`, uint64(k.UID))
	b = appendString(b, `,"owner":`, k.Owner())
	if k.PID != 0 {
		b = appendUint(b, `,"pid":`, uint64(k.PID))
		b = appendString(b, `,"command":`, k.Command)
	}
	return append(b, '}')
}
