package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"prism/internal/lang"
)

//go:embed web
var web embed.FS

// asset is one file that pages are made of.
type asset struct {
	kind string
	tag  string // ETag
	data []byte
}

// assets holds the files of the program by their path under /assets/.
type assets map[string]*asset

// kindOf returns the media type of a file that may be served; "" = it is not for browsers. The
// table is ours: the one of the system would make the same program answer differently elsewhere.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return ""
}

// loadAssets reads what is embedded, and the catalogue that the command line has too.
func loadAssets() (assets, error) {
	all := assets{}
	err := fs.WalkDir(web, "web", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || kindOf(p) == "" {
			return err
		}
		data, err := web.ReadFile(p)
		if err != nil {
			return err
		}
		all.add(strings.TrimPrefix(p, "web/"), data)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the pages of the dashboard: %w", err)
	}
	for _, tag := range lang.Languages() {
		if data, ok := lang.JSON(tag.String()); ok {
			all.add("lang/"+tag.String()+".json", data)
		}
	}
	return all, nil
}

func (a assets) add(name string, data []byte) {
	sum := sha256.Sum256(data)
	a[name] = &asset{kind: kindOf(name), tag: `"` + hex.EncodeToString(sum[:12]) + `"`, data: data}
}

// ServeHTTP answers with one file. A browser asks again each time and is told that nothing
// changed: a program that was replaced must not be shown with the pages of the old one.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := a[strings.TrimPrefix(r.URL.Path, "/assets/")]
	if f == nil {
		refuse(w, http.StatusNotFound, noSuchPath())
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}
