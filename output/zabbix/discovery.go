package zabbix

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
)

// discovered is a port as low-level discovery has it.
type discovered struct {
	Port    string `json:"{#PORT}"`
	Service string `json:"{#SERVICE}"`
}

// named lists the ports that nobody asked for by name, the fullest first; those with listeners before the others.
func (v *Values) named() []string {
	var list []string
	for name, p := range v.Ports {
		if !p.Unnamed {
			list = append(list, name)
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		x, y := v.Ports[a], v.Ports[b]
		listens := func(p *Port) int { return int(min(p.Server["listen"], 1)) }
		return cmp.Or(cmp.Compare(listens(y), listens(x)), cmp.Compare(y.Connections, x.Connections), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	return list
}

// Discovery is the JSON of low-level discovery, in order of the ports; service names a port, or returns "". Of the kernel's
// ports those with a listener count: the others are mostly clients' own, and would come and go.
func (v *Values) Discovery(service func(port uint16) string) (string, error) {
	list := []discovered{}
	for _, name := range v.named() {
		if v.Source == FromKernel && v.Ports[name].Server["listen"] == 0 {
			continue
		}
		d := discovered{name, name}
		if port, err := strconv.ParseUint(name, 10, 16); err == nil && service != nil {
			d.Service = cmp.Or(service(uint16(port)), name)
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b discovered) int {
		return cmp.Or(cmp.Compare(len(a.Port), len(b.Port)), cmp.Compare(a.Port, b.Port))
	})
	text, err := json.Marshal(list)
	return string(text), err
}
