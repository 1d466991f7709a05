package main

import (
	"path/filepath"
	"testing"
)

// In a browser the page's script runs by its policy: words select rows, heads sort them, and nothing is complained of.
func TestReportInBrowser(t *testing.T) {
	b := chromium(t)
	file := filepath.Join(t.TempDir(), "report.html")
	reported(t, "../../testdata/pcaps/accept_queue_full/s.pcap.gz", "../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz", "-q", "-O", file)
	const visible = `[...document.querySelectorAll("#list tbody tr")].filter((r) => !r.hidden)`
	for _, scheme := range []string{"light", "dark"} {
		b.visit("file://"+file, scheme, 1200, 800)
		b.until(`document.querySelectorAll("#list th button").length === 10`)
		b.click("#q")
		b.write("zero-window-stall -10034")
		b.until(visible + `.length === 1`)
		if got := b.eval(visible + `[0].cells[1].textContent`); got != "10.77.4.1:40481" {
			t.Errorf("selected %v", got)
		}
		b.click("#list th:nth-child(7) button")
		b.until(`document.querySelector("#list tbody tr").cells[1].textContent === "10.77.4.1:40481"`)
		b.click("#list th:nth-child(7) button")
		b.until(`document.querySelector("#list tbody").lastElementChild.cells[1].textContent === "10.77.4.1:40481"`)
		if got := b.eval(`getComputedStyle(document.querySelector(".tt .z")).fill !== "rgb(0, 0, 0)" && document.querySelector(".tt").getBoundingClientRect().width > 900`); got != true {
			t.Error("pictures are not styled")
		}
	}
	b.clean(`"request":{"url":"file://` + file + `"`) // the page itself; anything else that it asked for is an error
}
