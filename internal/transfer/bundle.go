package transfer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
)

// A bundle is a gzipped tar archive: a manifest first, then the files that it names. Nothing is ever
// unpacked by name; a reader takes the files that it knows.
const (
	manifestName  = "bundle.json"
	bundleFormat  = 1
	maxBundle     = 32 << 20 // unpacked, in bytes
	maxBundleFile = 1 << 20  // one file of it
	maxBundled    = 1000     // files
	maxWithheld   = 10       // settings that it names
)

// How the keys of a bundle are kept.
const (
	Sealed   = "sealed"   // as ciphertexts
	Redacted = "redacted" // not at all
)

// Files of a bundle; saved queries are queries/NAME.sql.
const (
	BundleProfiles = "profiles.yaml"
	BundleSettings = "prism.yaml"
	BundleRules    = ".sops.yaml"
	bundleQueries  = "queries/"
)

// ErrBundle means that a file is not a bundle, or a damaged one.
var ErrBundle = errors.New("this is not a bundle of prism")

// bundled matches the names that files of a bundle have.
var bundled = regexp.MustCompile(`^(?:profiles\.yaml|prism\.yaml|\.sops\.yaml|queries/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.sql)$`)

// settingName matches the name of a setting.
var settingName = regexp.MustCompile(`^[a-z_]{1,30}(?:\.[a-z_]{1,30}){0,2}$`)

// Bundle is a configuration that was packed to be carried elsewhere.
type Bundle struct {
	Made  time.Time
	By    string // version of prism
	How   string // Sealed or Redacted
	Files []BundledFile

	// Withheld are settings whose addresses were left out of prism.yaml, such as notify.webhook.
	Withheld []string
}

// BundledFile is one file of a bundle.
type BundledFile struct {
	Name string
	Data []byte
}

// manifest is what a bundle says of itself.
type manifest struct {
	Format int            `json:"prism_bundle"`
	Made   time.Time      `json:"made_at"`
	By     string         `json:"by"`
	How    string         `json:"how"`
	Files  []manifestFile `json:"files"`

	Withheld []string `json:"withheld,omitempty"`
}

type manifestFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Add puts a file into the bundle.
func (b *Bundle) Add(name string, data []byte) error {
	if !bundled.MatchString(name) || len(data) > maxBundleFile {
		return fmt.Errorf("%s cannot be part of a bundle", name)
	}
	b.Files = append(b.Files, BundledFile{name, data})
	return nil
}

// AddQuery puts a saved query into the bundle.
func (b *Bundle) AddQuery(file string, data []byte) error { return b.Add(bundleQueries+file, data) }

// File returns a file of the bundle; nil if it has none of this name.
func (b *Bundle) File(name string) []byte {
	i := slices.IndexFunc(b.Files, func(f BundledFile) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return b.Files[i].Data
}

// Queries are the saved queries, by the name of their file.
func (b *Bundle) Queries() map[string][]byte {
	out := map[string][]byte{}
	for _, f := range b.Files {
		if len(f.Name) > len(bundleQueries) && f.Name[:len(bundleQueries)] == bundleQueries {
			out[f.Name[len(bundleQueries):]] = f.Data
		}
	}
	return out
}

// Write packs the bundle. The same content gives the same bytes.
func (b *Bundle) Write(w io.Writer) error {
	m := manifest{Format: bundleFormat, Made: b.Made.UTC(), By: b.By, How: b.How, Withheld: b.Withheld}
	for _, f := range b.Files {
		m.Files = append(m.Files, manifestFile{f.Name, sumOf(f.Data)})
	}
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	zip := gzip.NewWriter(w)
	pack := tar.NewWriter(zip)
	for _, f := range slices.Concat([]BundledFile{{manifestName, append(head, '\n')}}, b.Files) {
		header := &tar.Header{Name: f.Name, Mode: 0o600, Size: int64(len(f.Data)), ModTime: b.Made.UTC().Truncate(time.Second), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if err := pack.WriteHeader(header); err != nil {
			return err
		}
		if _, err := pack.Write(f.Data); err != nil {
			return err
		}
	}
	return errors.Join(pack.Close(), zip.Close())
}

// ReadBundle unpacks a bundle and verifies it against its manifest.
func ReadBundle(path string) (*Bundle, error) {
	data, err := readSource(path)
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, ErrBundle
	}
	bounded := io.LimitReader(zip, maxBundle)
	files, err := unpack(tar.NewReader(bounded))
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, bounded); err != nil { // the checksum stands at the end
		return nil, ErrBundle
	}
	var m manifest
	if len(files) == 0 || files[0].Name != manifestName || json.Unmarshal(files[0].Data, &m) != nil {
		return nil, ErrBundle
	}
	files = files[1:]
	switch {
	case m.Format != bundleFormat:
		return nil, fmt.Errorf("%w: it is of format %d, which is newer than this prism", ErrBundle, m.Format)
	case m.How != Sealed && m.How != Redacted:
		return nil, ErrBundle
	case len(files) != len(m.Files):
		return nil, fmt.Errorf("%w: files are missing", ErrBundle)
	}
	for i, f := range files {
		if f.Name != m.Files[i].Name || sumOf(f.Data) != m.Files[i].SHA256 {
			return nil, fmt.Errorf("%w: a file of it was changed or damaged", ErrBundle)
		}
	}
	m.Withheld = slices.DeleteFunc(m.Withheld[:min(len(m.Withheld), maxWithheld)], func(name string) bool { return !settingName.MatchString(name) })
	return &Bundle{Made: m.Made, By: m.By, How: m.How, Files: files, Withheld: m.Withheld}, nil
}

// unpack reads the files of an archive. One that no bundle has ends it.
func unpack(archive *tar.Reader) ([]BundledFile, error) {
	var files []BundledFile
	seen := map[string]bool{}
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		known := err == nil && (bundled.MatchString(h.Name) || len(files) == 0 && h.Name == manifestName)
		if !known || h.Typeflag != tar.TypeReg || h.Size > maxBundleFile || seen[h.Name] || len(files) > maxBundled {
			return nil, ErrBundle
		}
		data, err := io.ReadAll(io.LimitReader(archive, maxBundleFile+1))
		if err != nil || int64(len(data)) != h.Size {
			return nil, ErrBundle
		}
		seen[h.Name] = true
		files = append(files, BundledFile{h.Name, data})
	}
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
