package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const token = "a token of the tests"

// clock is a wall clock that a test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// begin makes a server over an empty store.
func begin(t *testing.T, cfg Config) (network, local http.Handler) {
	t.Helper()
	if cfg.Store == nil {
		cfg.Store = NewStore(100, true)
		t.Cleanup(cfg.Store.Close)
	}
	if cfg.Now == nil {
		cfg.Now = (&clock{time.Unix(1e9, 0)}).Now
	}
	n, l := NewServers(cfg)
	return n.Handler, l.Handler
}

// ask makes a request and returns the answer.
func ask(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:9293"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Only names that nobody else can give to an address of ours are answered to.
func TestHosts(t *testing.T) {
	h, local := begin(t, Config{Hosts: []string{"Monitor.example"}})
	for host, want := range map[string]int{
		"127.0.0.1:9293": 200, "[::1]:9293": 200, "localhost": 200, "localhost.:9293": 200, "10.1.2.3": 200, "monitor.example:80": 200,
		"evil.example": 421, "127.0.0.1.evil.example": 421, "": 421, "localhost.evil.example:9293": 421,
	} {
		if w := ask(h, "GET", "/api/v1/status", "", "Host", host); w.Code != want {
			t.Errorf("Host %q: %d, not %d", host, w.Code, want)
		}
	}
	if w := ask(local, "GET", "/api/v1/status", "", "Host", "anything"); w.Code != 200 {
		t.Errorf("by the socket: %d", w.Code)
	}
}

// With a token nothing is told without it, or the cookie that it is exchanged for.
func TestToken(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	h, local := begin(t, Config{Token: token, Now: c.Now, Metrics: http.NotFoundHandler()})
	const path = "/api/v1/status"
	refused := func(why string, path string, header ...string) {
		t.Helper()
		if w := ask(h, "GET", path, "", header...); w.Code != 401 {
			t.Errorf("%s: %s answers %d", why, path, w.Code)
		}
	}
	refused("nothing", path)
	refused("nothing", "/metrics")
	refused("nothing", "/api/v1/nonsense")
	refused("in the URL", path+"?token="+strings.ReplaceAll(token, " ", "+"))
	refused("another", path, "Authorization", "Bearer "+token+"x")
	refused("empty", path, "Authorization", "Bearer ")
	refused("a cookie of somebody's own", path, "Cookie", cookieName+"="+token)
	if w := ask(h, "GET", path, "", "Authorization", "Bearer "+token); w.Code != 200 {
		t.Errorf("with the token: %d", w.Code)
	}
	if w := ask(local, "GET", path, ""); w.Code != 200 {
		t.Errorf("by the socket: %d", w.Code)
	}

	login := func(text string, header ...string) *httptest.ResponseRecorder {
		return ask(h, "POST", "/api/v1/login", `{"token":"`+text+`"}`, append([]string{"Content-Type", "application/json"}, header...)...)
	}
	if w := login(token + "x"); w.Code != 401 || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("another token: %d, %v", w.Code, w.Header())
	}
	if w := login(token, "Content-Type", "text/plain"); w.Code != 415 {
		t.Errorf("as a form could send it: %d", w.Code)
	}
	if w := login(token, "Origin", "http://evil.example"); w.Code != 403 {
		t.Errorf("from another site: %d", w.Code)
	}
	w := login(token)
	cookie := w.Header().Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie lacks %s: %s", part, cookie)
		}
	}
	if strings.Contains(cookie, token) {
		t.Error("the cookie holds the token")
	}
	mine, _, _ := strings.Cut(cookie, ";")
	if w := ask(h, "GET", path, "", "Cookie", mine); w.Code != 200 {
		t.Errorf("with the cookie: %d", w.Code)
	}
	c.now = c.now.Add(sessionLasts)
	refused("a cookie that has run out", path, "Cookie", mine)
}

// Tokens cannot be tried as fast as one likes, and sessions are bounded.
func TestTries(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	h, _ := begin(t, Config{Token: token, Now: c.Now})
	try := func(text string) int {
		return ask(h, "POST", "/api/v1/login", `{"token":"`+text+`"}`, "Content-Type", "application/json").Code
	}
	for range loginBurst {
		if code := try("wrong"); code != 401 {
			t.Fatal(code)
		}
	}
	if code := try(token); code != 429 {
		t.Errorf("after %d tries the next is answered %d", loginBurst, code)
	}
	g := newGate(token, c.Now)
	for range maxSessions + 10 {
		g.begin()
	}
	if len(g.sessions) != maxSessions {
		t.Errorf("%d sessions", len(g.sessions))
	}
	c.now = c.now.Add(loginEvery)
	if code := try(token); code != 204 {
		t.Errorf("later: %d", code)
	}
}

// Pages of other sites have nothing done for them, whatever they ask.
func TestForeign(t *testing.T) {
	h, _ := begin(t, Config{})
	for site, want := range map[string]int{"": 200, "none": 200, "same-origin": 200, "same-site": 403, "cross-site": 403} {
		if w := ask(h, "GET", "/api/v1/status", "", "Sec-Fetch-Site", site); w.Code != want {
			t.Errorf("Sec-Fetch-Site %q: %d", site, w.Code)
		}
	}
	if w := ask(h, "GET", "/", "", "Sec-Fetch-Site", "cross-site"); w.Code != 200 {
		t.Errorf("a link of another site to the page: %d", w.Code)
	}
}

// Every answer forbids what the page does not need.
func TestHeaders(t *testing.T) {
	h, _ := begin(t, Config{})
	for _, path := range []string{"/api/v1/status", "/nonsense"} {
		w := ask(h, "GET", path, "")
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
	}
	if w := ask(h, "GET", "/api/v1/status?"+strings.Repeat("x", maxURL), ""); w.Code != 414 {
		t.Errorf("a long address: %d", w.Code)
	}
}
