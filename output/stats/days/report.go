package days

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"github.com/tcptrack/tcptrack/output"
)

// Row is what is known of one day.
type Row struct {
	Day      string `json:"day"`     // UTC
	Clients  uint64 `json:"clients"` // seen
	Findings uint64 `json:"with_findings"`
	New      uint64 `json:"new"`                 // seen on none of the days before
	Again    uint64 `json:"again"`               // seen on the day before, too
	Still    uint64 `json:"with_findings_again"` // something was found on the day before, too
}

// Streak is how many clients were seen on each of so many days that end with the last; Findings, on how many something was
// found on each of them.
type Streak struct {
	Days     int    `json:"days"`
	Clients  uint64 `json:"clients"`
	Findings uint64 `json:"with_findings"`
}

// Report is what a store tells.
type Report struct {
	Rows    []Row
	Streaks []Streak // 1 day and more, as long as any client has one
	Ever    uint64   // clients seen on any day
}

// Read reads all days of a store. Of the bitmaps no more than a few are in memory at once.
func Read(from Store) (*Report, error) {
	numbers, err := from.list()
	if err != nil {
		return nil, err
	}
	r := &Report{}
	ever, before := roaring64.New(), newDay()
	for i, n := range numbers {
		d, err := from.open(n)
		if err != nil {
			return nil, err
		}
		if i > 0 && numbers[i-1] != n-1 {
			before = newDay()
		}
		fresh := roaring64.AndNot(d[seen], ever)
		r.Rows = append(r.Rows, Row{
			Day: nameOf(n), Clients: d[seen].GetCardinality(), Findings: d[finding].GetCardinality(), New: fresh.GetCardinality(),
			Again: common(d, before, seen), Still: common(d, before, finding),
		})
		ever.Or(d[seen])
		before = d
	}
	r.Ever = ever.GetCardinality()
	return r, r.streaks(from, numbers)
}

func common(a, b *day, kind int) uint64 { return roaring64.And(a[kind], b[kind]).GetCardinality() }

// streaks goes back from the last day as long as some client was there each day.
func (r *Report) streaks(from Store, numbers []int64) error {
	var there *day
	for i := len(numbers) - 1; i >= 0; i-- {
		d, err := from.open(numbers[i])
		switch {
		case err != nil:
			return err
		case there == nil:
			there = d
		case numbers[i] != numbers[i+1]-1:
			return nil
		default:
			there[seen].And(d[seen])
			there[finding].And(d[finding])
		}
		if there[seen].IsEmpty() {
			return nil
		}
		r.Streaks = append(r.Streaks, Streak{len(r.Streaks) + 1, there[seen].GetCardinality(), there[finding].GetCardinality()})
	}
	return nil
}

// Table prints the report for people.
func (r *Report) Table(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "DAY         CLIENTS  WITH FINDINGS      NEW    AGAIN  FOUND AGAIN\n")
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "%-10s %8d %14d %8d %8d %12d\n", row.Day, row.Clients, row.Findings, row.New, row.Again, row.Still)
	}
	if len(r.Streaks) > 1 {
		fmt.Fprintf(&b, "\nDAYS IN A ROW  CLIENTS  WITH FINDINGS\n")
		for _, s := range r.Streaks {
			fmt.Fprintf(&b, "%13d %8d %14d\n", s.Days, s.Clients, s.Findings)
		}
	}
	fmt.Fprintf(&b, "%s on %s\n", output.Count(r.Ever, "client"), output.Count(uint64(len(r.Rows)), "day"))
	_, err := io.WriteString(w, b.String())
	return err
}

// JSON writes a line for each day, each streak, and the total.
func (r *Report) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	for i := range r.Rows {
		if err := enc.Encode(struct {
			Event string `json:"event"`
			*Row
		}{"day", &r.Rows[i]}); err != nil {
			return err
		}
	}
	for i := range r.Streaks {
		if err := enc.Encode(struct {
			Event string `json:"event"`
			*Streak
		}{"streak", &r.Streaks[i]}); err != nil {
			return err
		}
	}
	return enc.Encode(struct {
		Event   string `json:"event"`
		Days    int    `json:"days"`
		Clients uint64 `json:"clients"`
	}{"total", len(r.Rows), r.Ever})
}

// CSV writes a row for each day behind a head with the names of JSON's keys.
func (r *Report) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"day", "clients", "with_findings", "new", "again", "with_findings_again"})
	for _, row := range r.Rows {
		cells := []string{row.Day}
		for _, n := range []uint64{row.Clients, row.Findings, row.New, row.Again, row.Still} {
			cells = append(cells, strconv.FormatUint(n, 10))
		}
		out.Write(cells)
	}
	out.Flush()
	return out.Error()
}
