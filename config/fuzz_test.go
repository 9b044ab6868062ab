package config

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParseProfiles: no panic, problems lie within the file, profiles or an error, and what
// was accepted is accepted with Windows line ends too.
func FuzzParseProfiles(f *testing.F) {
	f.Add([]byte(exampleFile), true)
	f.Add([]byte("active: ENC[a]\nprofiles:\n  - {name: x, base_url: https://x.example, api_key: ENC[b]}\nsops: {}\n"), true)
	f.Add([]byte("a: |\n\n\n b\n"), false)
	f.Add([]byte("\ufeffactive: \"汉\" # c\n"), false)
	f.Add([]byte("- - - ? : & * ! % @ `"), false)
	files, _ := filepath.Glob("testdata/problems/*.txtar")
	for _, file := range files {
		if ar, err := txtar.ParseFile(file); err == nil && len(ar.Files) > 0 {
			f.Add(ar.Files[0].Data, false)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, sealed bool) {
		opt := ParseOptions{File: "f", Sealed: sealed, AllowPlaintext: true, Values: map[string]string{"ENC[a]": "x", "ENC[b]": "key"}}
		start := time.Now()
		profiles, problems := ParseProfiles(src, opt)
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("took %v", took)
		}
		if (profiles == nil) != (problems.Err() != nil) {
			t.Fatal("neither profiles nor an error, or both")
		}
		checkProblems(t, src, problems)
		_ = problems.Text()
		if profiles == nil {
			return
		}
		for _, p := range profiles.Profiles {
			if !profileName.MatchString(p.Name) || p.Origin() == "" {
				t.Fatalf("accepted %+v", p)
			}
		}
		if !bytes.Contains(src, []byte("\r")) {
			_, problems = ParseProfiles(bytes.ReplaceAll(src, []byte("\n"), []byte("\r\n")), opt)
			if problems.Err() != nil {
				t.Fatalf("not accepted with CRLF: %v", problems)
			}
		}
	})
}

func BenchmarkParseProfiles(b *testing.B) {
	src := []byte(exampleFile)
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := ParseProfiles(src, ParseOptions{AllowPlaintext: true}); problems.Err() != nil {
			b.Fatal(problems)
		}
	}
}
