package tracker

// Ports is a set of port numbers.
type Ports [1 << 16 / 64]uint64

// Has says that the port is in the set.
func (p *Ports) Has(port uint16) bool { return p[port/64]&(1<<(port%64)) != 0 }

// Add puts a port into the set.
func (p *Ports) Add(port uint16) { p[port/64] |= 1 << (port % 64) }

// ZeekServers are the TCP ports in likely_server_ports of Zeek's default scripts, in order.
var ZeekServers = []uint16{
	21, 22, 25, 53, 79, 80, 81, 88, 102, 110, 135, 139, 143, 389, 443, 445, 502, 563, 585, 587, 614, 631, 636, 853, 989, 990, 992, 993, 995,
	1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432, 6379, 6666, 6667, 6668, 6669, 8000, 8080, 8888, 20000,
}

var zeekServers = func() (p Ports) {
	for _, port := range ZeekServers {
		p.Add(port)
	}
	return p
}()
