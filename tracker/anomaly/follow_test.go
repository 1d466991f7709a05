package anomaly

import (
	"maps"
	"reflect"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
	"github.com/tcptrack/tcptrack/tracker"
)

// TestJudgesForget: whatever a judge keeps of a connection it follows, or it would never hear of its end.
func TestJudgesForget(t *testing.T) {
	kept := map[string]bool{} // judges of whom a trace shows that they keep anything
	for _, tr := range traces(t) {
		bench := NewBench(Rules, nil, nil)
		tk := tracker.New(tracker.Config{Witness: marks{bench, t}, Facts: bench.Facts()})
		for i := range tr.Items {
			switch it := &tr.Items[i]; it.Kind {
			case trace.Segment:
				tk.Observe([]tcp.Segment{it.Segment})
				for i := range bench.seats {
					s := &bench.seats[i]
					for _, num := range connsOf(reflect.ValueOf(s.judge)) {
						kept[s.rule.Code] = true
						if bench.dossiers.tab(num).seats&(1<<i) == 0 {
							t.Errorf("%s: %s keeps connection %d and does not follow it", tr.name, s.rule.Code, num)
						}
					}
				}
			case trace.Advance:
				tk.Advance(it.Time)
			}
		}
		tk.Close()
		if n := len(bench.dossiers.by); n > 0 || bench.open != len(bench.crowds) {
			t.Errorf("%s: the bench keeps %d connections and %d findings", tr.name, n, bench.open-len(bench.crowds))
		}
	}
	if len(kept) < 15 {
		t.Errorf("only %d judges were seen to keep anything: %v", len(kept), kept)
	}
}

// marks holds the mark of each connection that a fact is about to its number.
type marks struct {
	*Bench
	t *testing.T
}

func (m marks) Fact(f *tracker.Fact) {
	check := func() {
		by := m.dossiers.by[f.Conn.Num()]
		if mark := f.Conn.Mark(); mark != 0 && mark != by {
			m.t.Errorf("connection %d bears mark %d, its dossier %d", f.Conn.Num(), mark, by)
		}
		if by != 0 && m.dossiers.tabs[by].dossier.mark != by {
			m.t.Errorf("the dossier under mark %d bears %d", by, m.dossiers.tabs[by].dossier.mark)
		}
	}
	check()
	m.Bench.Fact(f)
	if f.Kind != tracker.Ended {
		check()
	}
}

// connsOf lists the connections by whose numbers a judge's maps are keyed.
func connsOf(v reflect.Value) (nums []uint64) {
	switch v.Kind() {
	case reflect.Pointer:
		return connsOf(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			nums = append(nums, connsOf(v.Field(i))...)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			switch {
			case k.Type() == reflect.TypeFor[endKey]():
				nums = append(nums, endKey(k.Uint()).conn())
			case k.Kind() == reflect.Uint64:
				nums = append(nums, k.Uint())
			}
		}
	}
	return nums
}

// TestCountedIsTold: without a sink the same is found.
func TestCountedIsTold(t *testing.T) {
	for _, tr := range traces(t) {
		var found [2]map[string]int
		for i, sink := range []Sink{&desk{}, nil} {
			bench := NewBench(Rules, nil, sink)
			tk := tracker.New(tracker.Config{Witness: bench, Facts: bench.Facts()})
			for i := range tr.Items {
				switch it := &tr.Items[i]; it.Kind {
				case trace.Segment:
					tk.Observe([]tcp.Segment{it.Segment})
				case trace.Advance:
					tk.Advance(it.Time)
				}
			}
			tk.Close()
			found[i] = bench.Counts()
		}
		if !maps.Equal(found[0], found[1]) {
			t.Errorf("%s: told are %v, counted %v", tr.name, found[0], found[1])
		}
	}
}
