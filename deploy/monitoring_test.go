package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tcptrack/tcptrack/output/metrics"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// used finds the metrics and labels that an expression names that are ours, and says which of them there are not.
func used(expr string) (wrong []string) {
	for _, m := range regexp.MustCompile(`(tcptrack_[a-z_]+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(expr, -1) {
		i := slices.IndexFunc(metrics.Descriptors(), func(d *metrics.Descriptor) bool {
			return d.Name == m[1] || d.Kind == "histogram" && slices.Contains([]string{d.Name + "_bucket", d.Name + "_sum", d.Name + "_count"}, m[1])
		})
		if i < 0 {
			wrong = append(wrong, m[1])
			continue
		}
		labels := append([]string{"instance"}, metrics.Descriptors()[i].Labels...)
		for _, l := range regexp.MustCompile(`([a-z_]+)=~?"`).FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(labels, l[1]) {
				wrong = append(wrong, m[1]+"{"+l[1]+"}")
			}
		}
	}
	return wrong
}

// grouping are the labels by which an expression groups.
func grouping(expr string) (labels []string) {
	for _, m := range regexp.MustCompile(`(?:by|on|group_left) \(([a-z_, ]+)\)`).FindAllStringSubmatch(expr, -1) {
		labels = append(labels, strings.Split(m[1], ", ")...)
	}
	return labels
}

// known says that some metric of an expression has the label.
func known(expr, label string) bool {
	return label == "instance" || label == "le" || slices.ContainsFunc(metrics.Descriptors(), func(d *metrics.Descriptor) bool {
		return strings.Contains(expr, d.Name) && slices.Contains(d.Labels, label)
	})
}

func checkExpression(t *testing.T, expr string) {
	t.Helper()
	if !strings.Contains(expr, "tcptrack_") {
		t.Errorf("%s: asks for nothing of ours", expr)
	}
	for _, name := range used(expr) {
		t.Errorf("%s: there is no %s", expr, name)
	}
	for _, label := range grouping(expr) {
		if !known(expr, label) {
			t.Errorf("%s: nothing has the label %s", expr, label)
		}
	}
}

// The dashboard is small, valid, and asks for metrics that there are.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("grafana/tcptrack.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		UID, Title string
		Templating struct {
			List []struct{ Name, Definition string }
		}
		Panels []struct {
			ID          int
			Title, Type string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range d.Panels {
		if p.ID == 0 || p.Title == "" || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 || len(p.Targets) == 0 {
			t.Errorf("%+v", p)
		}
		for _, target := range p.Targets {
			checkExpression(t, target.Expr)
			seen[regexp.MustCompile(`tcptrack_[a-z_]+`).FindString(target.Expr)] = true
		}
	}
	if len(d.Panels) < 10 || len(seen) < 9 || len(text) > 32<<10 || len(d.Templating.List) != 2 {
		t.Errorf("%d panels of %d metrics, %d octets", len(d.Panels), len(seen), len(text))
	}
	checkExpression(t, d.Templating.List[1].Definition)
}

// The alerts ask for metrics that there are, and name findings that there are.
func TestAlerts(t *testing.T) {
	text, err := os.ReadFile("prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("prometheus/alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Groups[0].Rules {
		checkExpression(t, r.Expr)
		if _, ok := anomaly.ParseSeverity(r.Labels["severity"]); !ok || r.Annotations["summary"] == "" || !strings.Contains(r.Annotations["description"], "tcptrack") && !strings.Contains(r.Annotations["description"], "--") && r.Alert != "TcptrackStandsStill" {
			t.Errorf("%s: %v %v", r.Alert, r.Labels, r.Annotations)
		}
		for _, m := range regexp.MustCompile(`tcptrack explain ([a-z0-9-]+)`).FindAllStringSubmatch(r.Annotations["description"], -1) {
			if anomaly.Find(m[1]) == nil {
				t.Errorf("%s: there is no finding %s", r.Alert, m[1])
			}
		}
		if !regexp.MustCompile(`alertname: ` + r.Alert + `\n\s+exp_alerts:\n\s+- exp_labels`).Match(tests) {
			t.Errorf("%s: no test in which it fires", r.Alert)
		}
	}
}

// Prometheus' own tool takes the alerts, and they fire and stay quiet when they should.
func TestPromtool(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("needs promtool (apt-get install prometheus)")
	}
	run(t, nil, "promtool", "check", "rules", "prometheus/alerts.yml")
	run(t, nil, "promtool", "test", "rules", "prometheus/alerts_test.yml")
}
