package capture

import (
	"fmt"
	"net"
	"time"
)

// watchEvery is how often the interfaces and the kernel's counts are looked at.
const watchEvery = time.Second

// awayFor is how long a capture goes on of which no interface is left: a driver that is reset, a tunnel that dials
// again or a container that starts anew is back within seconds, under the same name.
const awayFor = 5 * time.Second

// watched are the interfaces of a live capture, and how each was when last looked at.
type watched struct {
	names []string
	index []int // 0: it is gone, or AnyInterface
	down  []bool
	at    time.Time // of the last look
	alone time.Time // since when none of them is left; zero: one is
}

// watchNames begins to watch; index holds 0 for AnyInterface.
func watchNames(names []string, index []int) watched {
	return watched{names: names, index: index, down: make([]bool, len(names))}
}

// look looks at each, tells what is new, and returns whether one went or came, which then has another index.
func (w *watched) look(now time.Time, ask func(string) (index int, up bool, err error), tell func(name, what, next string)) (changed bool) {
	w.at = now
	left := 0
	for i, name := range w.names {
		if name == AnyInterface {
			left++
			continue
		}
		index, up, err := ask(name)
		if err != nil {
			left++
			continue
		}
		if index != w.index[i] {
			changed = true
			if w.index[i] != 0 {
				tell(name, "the interface is gone", "what comes under this name is captured again")
			}
			if index != 0 {
				tell(name, "the interface is back", "")
			}
			w.index[i], w.down[i] = index, false
		}
		if index == 0 {
			continue
		}
		left++
		if down := !up; down != w.down[i] {
			w.down[i] = down
			if down {
				tell(name, "the interface is down", "nothing of it is captured until it is up")
			} else {
				tell(name, "the interface is up", "")
			}
		}
	}
	switch {
	case left > 0:
		w.alone = time.Time{}
	case w.alone.IsZero():
		w.alone = now
	}
	return changed
}

// abandoned says that all have been away for too long.
func (w *watched) abandoned() bool { return !w.alone.IsZero() && w.at.Sub(w.alone) >= awayFor }

// interfaceIndexes looks the names up in the network namespace of this thread: 0 for AnyInterface.
func interfaceIndexes(names []string) ([]int, error) {
	asker, err := newAsker()
	if err != nil {
		return nil, err
	}
	defer asker.Close()
	indexes := make([]int, len(names))
	for i, name := range names {
		if name == AnyInterface {
			continue
		}
		index, _, err := asker.ask(name)
		if err != nil {
			return nil, fmt.Errorf("capture: %s: %w", name, err)
		}
		if index == 0 {
			return nil, unknownInterface(name)
		}
		indexes[i] = index
	}
	return indexes, nil
}

// unknownInterface is the error of a name that no interface has.
func unknownInterface(name string) error {
	unknown := &NoInterfaceError{Name: name}
	if all, err := net.Interfaces(); err == nil {
		for _, i := range all {
			unknown.Have = append(unknown.Have, i.Name)
		}
	}
	return unknown
}
