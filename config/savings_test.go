//go:build unix

package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// savings are the ways a file is saved. Each makes the watched file read text; it is called
// several times on one tree.
func savings() map[string]struct {
	entries []string
	file    string
	save    func(t *testing.T, dir, text string)
} {
	type way = struct {
		entries []string
		file    string
		save    func(t *testing.T, dir, text string)
	}
	over := func(file string) func(*testing.T, string, string) {
		return func(t *testing.T, dir, text string) {
			writeFile(t, filepath.Join(dir, file+".tmp"), text)
			rename(t, filepath.Join(dir, file+".tmp"), filepath.Join(dir, file))
		}
	}
	inPlace := func(file string) func(*testing.T, string, string) {
		return func(t *testing.T, dir, text string) { writeFile(t, filepath.Join(dir, file), text) }
	}
	return map[string]way{
		"truncate and write":          {[]string{"f: 0"}, "f", inPlace("f")},
		"rename over":                 {[]string{"f: 0"}, "f", over("f")},
		"same size, same inode":       {[]string{"f: 0"}, "f", func(t *testing.T, dir, text string) { overwrite(t, filepath.Join(dir, "f"), text) }},
		"vim, backupcopy=no":          {[]string{"f: 0"}, "f", saveLikeVim},
		"move away and create":        {[]string{"f: 0"}, "f", saveWithBackup},
		"delete and create":           {[]string{"f: 0"}, "f", saveByRecreation},
		"slow writer":                 {[]string{"f: 0"}, "f", saveSlowly},
		"link, target in place":       {[]string{"repo/f: 0", "home/f -> ../repo/f"}, "home/f", inPlace("repo/f")},
		"link, target replaced":       {[]string{"repo/f: 0", "home/f -> ../repo/f"}, "home/f", over("repo/f")},
		"two links, target in place":  {[]string{"c/f: 0", "b/f -> ../c/f", "a/f -> ../b/f"}, "a/f", inPlace("c/f")},
		"two links, target replaced":  {[]string{"c/f: 0", "b/f -> ../c/f", "a/f -> ../b/f"}, "a/f", over("c/f")},
		"linked directory, in place":  {[]string{"repo/prism/f: 0", "home/prism -> ../repo/prism"}, "home/prism/f", inPlace("repo/prism/f")},
		"linked directory, replaced":  {[]string{"repo/prism/f: 0", "home/prism -> ../repo/prism"}, "home/prism/f", over("repo/prism/f")},
		"link replaced":               {[]string{"store/0/f: 0", "home/f -> ../store/0/f"}, "home/f", relink("home/f")},
		"link in the middle replaced": {[]string{"store/0/f: 0", "mid -> store/0", "home/f -> ../mid/f"}, "home/f", relinkDir("mid")},
		"kubernetes ..data":           {[]string{"v/..0/f: 0", "v/..data -> ..0", "v/f -> ..data/f"}, "v/f", saveLikeKubernetes},
		"directory replaced":          {[]string{"d/f: 0"}, "d/f", replaceDirectory},
	}
}

func overwrite(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func saveLikeVim(t *testing.T, dir, text string) {
	t.Helper()
	f := filepath.Join(dir, "f")
	writeFile(t, filepath.Join(dir, ".f.swp"), "swap")
	writeFile(t, filepath.Join(dir, "4913"), "")
	remove(t, filepath.Join(dir, "4913"))
	rename(t, f, f+"~")
	writeFile(t, f, text)
	remove(t, f+"~")
	remove(t, filepath.Join(dir, ".f.swp"))
}

func saveWithBackup(t *testing.T, dir, text string) {
	t.Helper()
	f := filepath.Join(dir, "f")
	rename(t, f, f+".bak")
	writeFile(t, f, text)
}

func saveByRecreation(t *testing.T, dir, text string) {
	t.Helper()
	f := filepath.Join(dir, "f")
	remove(t, f)
	time.Sleep(100 * time.Millisecond) // the fault itself: 100 ms without a file
	writeFile(t, f, text)
}

func saveSlowly(t *testing.T, dir, text string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []byte(text) {
		time.Sleep(10 * time.Millisecond) // the fault itself: a writer that takes its time
		if _, err := f.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func relink(name string) func(*testing.T, string, string) {
	return func(t *testing.T, dir, text string) {
		target := filepath.Join(dir, "store", text, "f")
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, target, text)
		link(t, target, filepath.Join(dir, name+".new"))
		rename(t, filepath.Join(dir, name+".new"), filepath.Join(dir, name))
	}
}

func relinkDir(name string) func(*testing.T, string, string) {
	return func(t *testing.T, dir, text string) {
		target := filepath.Join(dir, "store", text)
		if err := os.MkdirAll(target, 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(target, "f"), text)
		link(t, target, filepath.Join(dir, name+".new"))
		rename(t, filepath.Join(dir, name+".new"), filepath.Join(dir, name))
	}
}

func saveLikeKubernetes(t *testing.T, dir, text string) {
	t.Helper()
	v := filepath.Join(dir, "v")
	old, err := os.Readlink(filepath.Join(v, "..data"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(v, ".."+text), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(v, ".."+text, "f"), text)
	link(t, ".."+text, filepath.Join(v, "..data_tmp"))
	rename(t, filepath.Join(v, "..data_tmp"), filepath.Join(v, "..data"))
	remove(t, filepath.Join(v, old))
}

func replaceDirectory(t *testing.T, dir, text string) {
	t.Helper()
	d := filepath.Join(dir, "d")
	if err := os.Mkdir(d+".new", 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(d+".new", "f"), text)
	rename(t, d, d+"."+text)
	rename(t, d+".new", d)
}
