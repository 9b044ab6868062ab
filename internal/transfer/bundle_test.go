package transfer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func packed(t *testing.T) []byte {
	t.Helper()
	b := &Bundle{Made: time.Unix(1_790_000_000, 0), By: "1", How: Sealed, Withheld: []string{"notify.webhook", "\x1b[2J"}}
	for _, f := range [][2]string{{BundleProfiles, "active: a\n"}, {BundleSettings, "listen: x\n"}} {
		if err := b.Add(f[0], []byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.AddQuery("mine.sql", []byte("-- x --\nselect 1")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := b.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readPacked(t *testing.T, data []byte) (*Bundle, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "b")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadBundle(path)
}

func TestABundleComesBackAsItWas(t *testing.T) {
	b, err := readPacked(t, packed(t))
	if err != nil {
		t.Fatal(err)
	}
	if string(b.File(BundleProfiles)) != "active: a\n" || string(b.Queries()["mine.sql"]) != "-- x --\nselect 1" || b.How != Sealed || b.File("nothing") != nil || len(b.Withheld) != 1 {
		t.Errorf("%+v", b)
	}
	if !bytes.Equal(packed(t), packed(t)) {
		t.Error("the same content gives other bytes")
	}
}

// TestAnArchiveThatIsNoBundleIsRefused packs what a bundle never holds.
func TestAnArchiveThatIsNoBundleIsRefused(t *testing.T) {
	archive := func(headers ...tar.Header) []byte {
		var out bytes.Buffer
		zip := gzip.NewWriter(&out)
		pack := tar.NewWriter(zip)
		for _, h := range headers {
			body := []byte(`{"prism_bundle": 1, "how": "sealed", "files": []}`)
			if h.Typeflag != tar.TypeReg {
				body = nil
			}
			h.Size = int64(len(body))
			if err := pack.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := pack.Write(body); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(pack.Close(), zip.Close()); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	manifest := tar.Header{Name: manifestName, Typeflag: tar.TypeReg}
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	good := packed(t)
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	if _, err := zip.Write(make([]byte, maxBundle+1024)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty":          nil,
		"words":          []byte("hello"),
		"no manifest":    archive(file(BundleProfiles)),
		"a way out":      archive(manifest, file("../../.bashrc")),
		"an absolute":    archive(manifest, file("/etc/passwd")),
		"another file":   archive(manifest, file("id_rsa")),
		"a query far":    archive(manifest, file("queries/../x.sql")),
		"a link":         archive(manifest, tar.Header{Name: BundleProfiles, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}),
		"twice":          archive(manifest, file(BundleProfiles), file(BundleProfiles)),
		"not named":      archive(manifest, file(BundleProfiles)),
		"a bomb":         bomb.Bytes(),
		"cut":            good[:len(good)/2],
		"without an end": good[:len(good)-12],
	} {
		if b, err := readPacked(t, data); err == nil {
			t.Errorf("%s: read as %+v", name, b)
		}
	}
}
