package story

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Contents lists the codes of all findings and the states.
func Contents(out io.Writer, style Style) error {
	p := &page{width: style.Width}
	p.line("Findings (tcptrack explain CODE):")
	for _, r := range anomaly.Rules {
		p.indented(r.Title, fmt.Sprintf("  %-24s", r.Code), strings.Repeat(" ", 26))
	}
	p.line("")
	p.line("States, in the order of a connection's life (tcptrack explain STATE):")
	for _, m := range output.States {
		p.indented(m.Means, fmt.Sprintf("  %-24s", m.State), strings.Repeat(" ", 26))
	}
	p.line("")
	p.line("One connection of a capture: tcptrack explain FILE N")
	_, err := out.Write(p.Bytes())
	return err
}

// Rule prints the manual of a finding.
func Rule(out io.Writer, r *anomaly.Rule, style Style) error {
	p := &page{width: style.Width}
	p.line(r.Code + ": " + r.Title)
	p.section("Severity", r.Severity.String()+" at the first")
	p.section("Blames", r.Culprits)
	p.section("Seen", sentence(r.Evidence))
	p.section("Threshold", sentence(r.Threshold))
	p.section("Means", sentence(r.Cause))
	p.section("Do", sentence(r.Remedy))
	for _, s := range steps {
		if has(s.codes, r.Code) {
			p.command(placeholders.Replace(s.command))
			p.section("", "at "+s.on.String()+": "+s.shows)
		}
	}
	p.section("Is not", sentence(r.NotWhen))
	p.section("RFC", r.RFC)
	for i := range r.Limits {
		l := &r.Limits[i]
		label := ""
		if i == 0 {
			label = "Can be set"
		}
		p.section(label, fmt.Sprintf("%s: %s, by default %s%s", l.Name, l.What, strconv.FormatFloat(l.Default, 'f', -1, 64), l.Unit))
	}
	if len(r.Limits) > 0 {
		p.section("", fmt.Sprintf("--rules FILE, with  %s: {%s: VALUE}", r.Code, r.Limits[0].Name))
	}
	_, err := out.Write(p.Bytes())
	return err
}

// placeholders are the places of a command that a finding fills in, in words.
var placeholders = strings.NewReplacer("{pair}", "dst PEER:PORT", "{host}", "PEER", "{port}", "PORT", "{sport}", "PORT")

func (r role) String() string {
	return [...]string{"whom it is about", "the other end", "the server"}[r]
}

// State prints the manual of a state, and which findings may stand behind it.
func State(out io.Writer, s tracker.State, style Style) error {
	p := &page{width: style.Width}
	for _, m := range output.States {
		if m.State != s {
			continue
		}
		p.line(m.State.String())
		p.section("Means", m.Means)
		p.section("Which side", m.Side)
		p.section("Kept by", m.Keeps)
		p.section("Lasts", m.Lasts)
		p.section("Thousands", m.Many)
		p.section("Do", m.Do)
		p.section("Shown as", m.Shows)
		p.section("RFC", m.RFC)
	}
	if near := rulesAbout(s); near != "" {
		p.section("Findings", near)
	}
	_, err := out.Write(p.Bytes())
	return err
}

// rulesAbout lists the findings whose manual speaks of a state, in its code or its title.
func rulesAbout(s tracker.State) string {
	name := s.String()
	var list []string
	for _, r := range anomaly.Rules {
		code := strings.ToUpper(strings.ReplaceAll(r.Code, "-", "_"))
		if strings.Contains(code, name) || strings.Contains(r.Title, name) || strings.Contains(r.Evidence, name) {
			list = append(list, r.Code)
		}
	}
	return strings.Join(list, ", ")
}
