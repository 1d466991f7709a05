package capture

import "github.com/tcptrack/tcptrack/internal/tcp"

const linkEthernet = 1

func (d *decoder) link(rec *record, seg *tcp.Segment) Skip {
	b := rec.frame
	switch rec.link {
	case 12, 14, 101, 228, 229:
		return d.ip(b, seg)
	}
	return SkipLinkType
}

func (d *decoder) rareType(t int, b []byte, seg *tcp.Segment) Skip { return SkipNotIP }

func (d *decoder) payload(proto uint8, b []byte, seg *tcp.Segment) Skip { return SkipNotTCP }
