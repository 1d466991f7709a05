package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Page is the page: plain files, among them uPlot 1.6.32 (https://github.com/leeoniya/uPlot, MIT, uPlot.LICENSE) as its
// author packed it for browsers.
//
//go:embed page
var pages embed.FS

// Page returns the files of the page, index.html first to be asked for; they ask nothing of any other host.
func Page() fs.FS {
	sub, err := fs.Sub(pages, "page")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}

// kinds are the types of the page's files.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".LICENSE": "text/plain; charset=utf-8",
}

// servePage answers with the page's files, which browsers keep until they change.
func servePage() http.Handler {
	type file struct {
		text      []byte
		kind, tag string
	}
	files := map[string]file{}
	fs.WalkDir(Page(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(Page(), name)
		sum := sha256.Sum256(text)
		files["/"+name] = file{text, kinds[path.Ext(name)], `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		return err
	})
	files["/"] = files["/index.html"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		if !ok {
			refuse(w, http.StatusNotFound, "there is nothing here", "the page is at /, the API under /api/v1/")
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("ETag", f.tag)
		h.Set("Cache-Control", "no-cache")
		if strings.Contains(r.Header.Get("If-None-Match"), f.tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write(f.text)
	})
}
