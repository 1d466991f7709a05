package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a Chromium of our own, spoken to by its DevTools protocol over a pipe, with one page.
type browser struct {
	t       *testing.T
	to      io.Writer
	session string
	mu      sync.Mutex
	next    int
	waits   map[int]chan reply
	said    []string // errors on its console
}

// reply answers a call.
type reply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// chromium begins a browser that knows nothing and asks nobody; the test is skipped where there is none.
func chromium(t *testing.T) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("needs Chromium: apt-get install chromium")
	}
	theirs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, mine, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{theirs, mine}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	mine.Close()
	b := &browser{t: t, to: to, waits: map[int]chan reply{}}
	go b.read(from)
	t.Cleanup(func() {
		b.call("Browser.close", nil, nil)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-ended:
		case <-time.After(patience):
			cmd.Process.Kill()
			<-ended
		}
		to.Close()
		from.Close()
	})
	var target struct{ TargetID string }
	b.must("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.must("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.must(domain+".enable", nil, nil)
	}
	return b
}

// read takes what the browser says.
func (b *browser) read(from io.Reader) {
	for r := bufio.NewReader(from); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID     int
			Method string
			Params json.RawMessage
			reply
		}
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if wait := b.waits[m.ID]; m.ID > 0 && wait != nil {
			wait <- m.reply
			delete(b.waits, m.ID)
		}
		if wrong(m.Method, m.Params) {
			b.said = append(b.said, m.Method+" "+string(m.Params))
		}
		b.mu.Unlock()
	}
}

// wrong says that an event is an error of the page, or a request to another host than this.
func wrong(method string, params json.RawMessage) bool {
	text := string(params)
	switch method {
	case "Runtime.exceptionThrown":
		return true
	case "Runtime.consoleAPICalled":
		return strings.Contains(text, `"type":"error"`) || strings.Contains(text, `"type":"warning"`)
	case "Log.entryAdded":
		return strings.Contains(text, `"level":"error"`) || strings.Contains(text, `"level":"warning"`)
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		json.Unmarshal(params, &p)
		return !strings.HasPrefix(p.Request.URL, "http://127.0.0.1:") && !strings.HasPrefix(p.Request.URL, "data:") && p.Request.URL != "about:blank"
	}
	return false
}

// call calls a method and waits for its answer.
func (b *browser) call(method string, params any, result any) error {
	if params == nil {
		params = struct{}{}
	}
	wait := make(chan reply, 1)
	b.mu.Lock()
	b.next++
	id := b.next
	b.waits[id] = wait
	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": b.session})
	if b.session == "" {
		text, err = json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	}
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case r := <-wait:
		if r.Error != nil {
			return errors.New(r.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(r.Result, result)
	case <-time.After(patience):
		return fmt.Errorf("%s: no answer", method)
	}
}

func (b *browser) must(method string, params any, result any) {
	b.t.Helper()
	if err := b.call(method, params, result); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

// eval returns what an expression is in the page.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	b.must("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	return r.Result.Value
}

// until waits until an expression is true in the page.
func (b *browser) until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if b.eval("(() => { try { return Boolean("+expression+"); } catch { return false; } })()") == true { // it may just be loading
			return
		}
	}
	b.t.Fatalf("never true: %s\nthe page says: %s", expression, b.eval("document.body.innerText.slice(0, 2000)"))
}

// visit opens a page of that size and colours and waits until it is there.
func (b *browser) visit(url, scheme string, width, height int) {
	b.t.Helper()
	b.must("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.must("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.must("Page.navigate", map[string]any{"url": "about:blank"}, nil)
	b.must("Page.navigate", map[string]any{"url": url}, nil)
	b.until(`document.documentElement.dataset.ready === "yes"`)
}

// click clicks in the middle of the first element that a selector finds, once there is one, as a mouse does.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q)`, selector))
	at, _ := b.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (!e) return null; e.scrollIntoView({ block: "nearest" }); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector)).([]any)
	if len(at) != 2 {
		b.t.Fatalf("there is no %s", selector)
	}
	b.mouse("mousePressed", at[0], at[1])
	b.mouse("mouseReleased", at[0], at[1])
}

func (b *browser) mouse(kind string, x, y any) {
	b.t.Helper()
	b.must("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}, nil)
}

// press presses a key.
func (b *browser) press(key string) {
	b.t.Helper()
	down := map[string]any{"type": "keyDown", "key": key}
	if len(key) == 1 {
		down["text"] = key
	}
	if key == "Enter" {
		down["text"], down["windowsVirtualKeyCode"] = "\r", 13
	}
	b.must("Input.dispatchKeyEvent", down, nil)
	b.must("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key}, nil)
}

// write enters a text where the cursor is.
func (b *browser) write(text string) {
	b.t.Helper()
	b.must("Input.insertText", map[string]any{"text": text}, nil)
}

// picture takes a picture of the page, as PNG.
func (b *browser) picture() []byte {
	b.t.Helper()
	var r struct{ Data string }
	b.must("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	png, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	return png
}

// clean fails the test if the page had errors since the last time, but for those that hold one of the texts.
func (b *browser) clean(but ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.said {
		if !slices.ContainsFunc(but, func(x string) bool { return strings.Contains(text, x) }) {
			b.t.Errorf("the page has an error: %s", text)
		}
	}
	b.said = nil
}
