package main

import (
	"strings"

	"github.com/tcptrack/tcptrack/internal/rights"
)

// effectiveRights tells which of the rights that are of use this process has.
func effectiveRights() exam {
	have, err := rights.Effective()
	if err != nil {
		return exam{"rights", mind, err.Error(), ""}
	}
	var names, lacks []string
	for _, c := range []rights.Capability{rights.NetRaw, rights.SysAdmin, rights.SysPtrace, rights.DACReadSearch} {
		if have.Has(c) {
			names = append(names, c.String())
		} else {
			lacks = append(lacks, c.String())
		}
	}
	switch {
	case !have.Has(rights.NetRaw):
		return exam{"rights", ill, "cap_net_raw is missing, and captures need it", setcapLine()}
	case len(lacks) > 0:
		return exam{"rights", fine, strings.Join(names, ", ") + "; without " + strings.Join(lacks, ", ") + " (other namespaces, owners of other users' sockets)", ""}
	}
	return exam{"rights", fine, strings.Join(names, ", "), ""}
}
