package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// MinToken is how long a token must be at least, in octets: 96 bits where it is drawn from letters and digits.
	MinToken = 16

	cookieName   = "tcptrack-session"
	maxSessions  = 256
	sessionLasts = 24 * time.Hour
	loginEvery   = 200 * time.Millisecond // the rate at which tokens may be tried, by all together
	loginBurst   = 10
)

// gate lets in who has the token, or the cookie that was given for it. Without a token everybody may come in.
type gate struct {
	token [sha256.Size]byte
	wants bool
	now   func() time.Time

	mu       sync.Mutex
	sessions map[[sha256.Size]byte]time.Time // until when, by hash of the cookie
	tries    float64                         // that may still be made
	tried    time.Time
}

func newGate(token string, now func() time.Time) *gate {
	return &gate{token: sha256.Sum256([]byte(token)), wants: token != "", now: now, sessions: map[[sha256.Size]byte]time.Time{}, tries: loginBurst, tried: now()}
}

// open says that the request may pass.
func (g *gate) open(r *http.Request) bool {
	if !g.wants {
		return true
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return g.is(token)
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	key := sha256.Sum256([]byte(cookie.Value))
	g.mu.Lock()
	defer g.mu.Unlock()
	until, ok := g.sessions[key]
	return ok && g.now().Before(until)
}

// is compares a token, in constant time.
func (g *gate) is(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
}

// mayTry counts a try.
func (g *gate) mayTry() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.tries = min(g.tries+float64(now.Sub(g.tried))/float64(loginEvery), loginBurst)
	g.tried = now
	if g.tries < 1 {
		return false
	}
	g.tries--
	return true
}

// login exchanges the token for a cookie.
func (g *gate) login(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "the token comes as JSON", `send Content-Type: application/json and {"token":"..."}`)
		return
	}
	var asked struct{ Token string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "no token in what was sent", `send {"token":"..."}`)
		return
	}
	if !g.mayTry() {
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "tokens are tried too fast", "wait a second")
		return
	}
	if g.wants && !g.is(asked.Token) {
		refuse(w, http.StatusUnauthorized, "that is not the token", "it is in the file that --token-file named")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: g.begin(), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil, MaxAge: int(sessionLasts / time.Second),
	})
	w.WriteHeader(http.StatusNoContent)
}

// begin makes a session and returns its cookie; where there are too many, the one that would end first makes room.
func (g *gate) begin() string {
	cookie := rand.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	var first [sha256.Size]byte
	var soonest time.Time
	for key, until := range g.sessions {
		if soonest.IsZero() || until.Before(soonest) {
			first, soonest = key, until
		}
	}
	if len(g.sessions) >= maxSessions {
		delete(g.sessions, first)
	}
	g.sessions[sha256.Sum256([]byte(cookie))] = g.now().Add(sessionLasts)
	return cookie
}

// logout ends a session.
func (g *gate) logout(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		g.mu.Lock()
		delete(g.sessions, sha256.Sum256([]byte(cookie.Value)))
		g.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: -1})
	w.WriteHeader(http.StatusNoContent)
}
