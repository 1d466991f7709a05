package anomaly

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
	"github.com/tcptrack/tcptrack/tracker"
)

// TestJudgesForget: whatever a judge keeps of a connection it follows, or it would never hear of its end.
func TestJudgesForget(t *testing.T) {
	kept := map[string]bool{} // judges of whom a trace shows that they keep anything
	for _, tr := range traces(t) {
		bench := NewBench(Rules, nil, nil)
		nums := map[uint64]uint64{}
		tk := tracker.New(tracker.Config{Witness: marks{bench, nums, t}, Facts: bench.Facts()})
		for i := range tr.Items {
			switch it := &tr.Items[i]; it.Kind {
			case trace.Segment:
				tk.Observe([]tcp.Segment{it.Segment})
				for i := range bench.seats {
					s := &bench.seats[i]
					for _, num := range connsOf(reflect.ValueOf(s.judge)) {
						kept[s.rule.Code] = true
						if _, ok := s.judge.(noter); ok {
							num = nums[num]
						}
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
	nums map[uint64]uint64 // by first packet
	t    *testing.T
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
	m.nums[f.Conn.First()] = f.Conn.Num()
	m.Bench.Fact(f)
	if f.Kind != tracker.Ended {
		check()
	}
}

// connsOf lists the connections by whose numbers, or whose first packets', a judge's maps are keyed.
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

// TestCrowdsForgetTheEvicted: what is thrown out of a full table is counted no longer, or it would be kept for ever, and
// counted twice when more of it comes.
func TestCrowdsForgetTheEvicted(t *testing.T) {
	for code, bound := range map[string]int{"close-wait-pileup": 62, "zero-window-farm": 7} {
		text, err := os.ReadFile("testdata/" + code + ".trace")
		if err != nil {
			t.Fatal(err)
		}
		var told desk
		bench := NewBench(Rules, nil, &told)
		tk := tracker.New(tracker.Config{Witness: bench, Facts: bench.Facts(), MaxConnections: bound})
		var judge Judge
		for i := range bench.seats {
			if bench.seats[i].rule.Code == code {
				judge = bench.seats[i].judge
			}
		}
		for again := range 4 { // the same from other hosts, an hour later each time
			later := time.Unix(0, trace.DefaultOrigin).Add(time.Duration(again) * time.Hour).UTC().Format(time.RFC3339)
			tr, err := trace.Parse(code, []byte("origin "+later+"\n"+strings.ReplaceAll(string(text), "10.1.", fmt.Sprintf("10.%d.", again+1))))
			if err != nil {
				t.Fatal(err)
			}
			for i := range tr.Items {
				switch it := &tr.Items[i]; it.Kind {
				case trace.Segment:
					tk.Observe([]tcp.Segment{it.Segment})
				case trace.Advance:
					tk.Advance(it.Time)
				}
			}
			if n := len(connsOf(reflect.ValueOf(judge))); n == 0 || n > bound {
				t.Errorf("%s keeps %d connections of %d", code, n, bound)
			}
			if again == 0 && len(told.stand(code)) == 0 {
				t.Errorf("%s is not found", code)
			}
		}
	}
}

// TestRepeatedSYNsAreToldSeldom: a client that never gives up does not bring a line with each packet, and the last line
// has them all.
func TestRepeatedSYNsAreToldSeldom(t *testing.T) {
	text := ""
	for i := range 51 {
		text += fmt.Sprintf("%d A > B: S 99:99(0) win 65535 <mss 1460>\n", i)
	}
	tr, err := trace.Parse("storm", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, quiet := range []int64{0, 3600e9} { // the input ends at once, or long after the client gave up
		var told desk
		bench := NewBench(Rules, nil, &told)
		tk := tracker.New(tracker.Config{Witness: bench, Facts: bench.Facts()})
		lines := map[string]int{}
		for i := range tr.Items {
			tk.Observe([]tcp.Segment{tr.Items[i].Segment})
			for _, f := range told.stand("syn-unanswered") {
				lines[f.Summary]++
			}
		}
		if len(lines) != 5 { // 2, 4, 8, 16, 32
			t.Errorf("told are %v", lines)
		}
		tk.Advance(tr.Items[len(tr.Items)-1].Time + quiet)
		tk.Close()
		last := told.stand("syn-unanswered")
		if len(last) != 1 || !strings.Contains(last[0].Summary, "repeated 50 times in 50.0 s, without an answer") || !slices.Contains(last[0].Evidence, 51) {
			t.Errorf("the last line: %+v", last)
		}
	}
}

// TestPopulationsAreNumberedWithinABound: two findings never share an identifier, however many populations there are.
func TestPopulationsAreNumberedWithinABound(t *testing.T) {
	bench := NewBench(Rules, nil, nil)
	seen := map[string]bool{}
	for i := range maxSerials + 1000 {
		for range 2 {
			about := fmt.Sprint(i)
			id := idOf(about, Rules[0], bench.numbered(crowded{0, about}))
			if seen[id] {
				t.Fatalf("%s is there twice", id)
			}
			seen[id] = true
		}
	}
	if len(bench.serial) > maxSerials {
		t.Errorf("%d populations are remembered", len(bench.serial))
	}
}

// TestCodesAreBounded: a connection on which something is found again and again has a line of bounded length.
func TestCodesAreBounded(t *testing.T) {
	bench := NewBench(Rules, nil, nil)
	const more = 100
	for range maxNamed + more {
		f := bench.Raise(Case{Conn: 7}, tracker.Client)
		bench.Tell(f)
		bench.Close(f, 1)
	}
	if n := len(bench.Codes(7)); n != maxNamed || bench.Lost() != more {
		t.Errorf("the line names %d findings, and %d were lost", n, bench.Lost())
	}
	if n := bench.Counts()[Rules[0].Code]; n != maxNamed+more {
		t.Errorf("%d are counted", n)
	}
}
