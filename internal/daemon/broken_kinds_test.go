package daemon

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"prism/config/sealed"
)

// cut are files of which only the beginning was written. What stands after the MAC is left
// whole: without it the file is valid, and the MAC says so.
func (r *rig) cut(good []byte) []candidate {
	end := bytes.Index(good, []byte(" mac: "))
	if end < 0 {
		r.t.Fatal("the file has no MAC")
	}
	step := 4
	if soak() {
		step = 1
	}
	var list []candidate
	for i := 0; i < 64; i += step {
		list = append(list, candidate{name: fmt.Sprintf("cut at %d/64", i), text: good[:end*i/64]})
	}
	return list
}

// tampered are files that somebody changed without the keys, or made with others.
func (r *rig) tampered(good []byte) []candidate {
	change := func(from, to string) []byte {
		out := bytes.Replace(good, []byte(from), []byte(to), 1)
		if bytes.Equal(out, good) {
			r.t.Fatalf("%q is not in the file", from)
		}
		return out
	}
	flip := func(after string) []byte {
		i := bytes.Index(good, []byte(after)) + len(after)
		out := slices.Clone(good)
		if out[i]++; out[i] == '+'+1 || out[i] == '/'+1 || out[i] == '9'+1 || out[i] == 'Z'+1 || out[i] == 'z'+1 {
			out[i] = 'A'
		}
		return out
	}
	_, stranger, err := sealed.NewIdentity()
	if err != nil {
		r.t.Fatal(err)
	}
	foreign, err := sealed.Encrypt([]byte(r.text(r.upA.URL, keyA)), []string{stranger})
	if err != nil {
		r.t.Fatal(err)
	}
	return []candidate{
		{name: "a ciphertext changed", text: flip("data:"), says: "api_key"},
		{name: "the MAC changed", text: flip("mac: ENC[AES256_GCM,data:"), says: "outside sops"},
		{name: "the type of a ciphertext changed", text: change("type:str]", "type:int]")},
		{name: "sealed for somebody else", text: foreign, says: "identity"},
		{name: "a known key with a new host, by hand", text: change("base_url: http://127.0.0.1", "base_url: http://127.0.0.2"), says: "127.0.0.2"},
		{name: "a known key with a new host, sealed", text: r.seal(r.text("http://127.0.0.3:1", keyA)), says: "127.0.0.3"},
		{name: "the key of one with the host of the other", text: r.seal(r.text(r.upA.URL, keyB)), says: "prism trust"},
		{name: "the metadata taken away", text: good[:bytes.Index(good, []byte("sops:"))]},
		{name: "a key added in clear text", text: change("client_token: ENC", "client_token: not-sealed-0123456789\nx: ENC")},
	}
}

// text is a file with one profile, before it is sealed.
func (r *rig) text(url, key string) string {
	return "active: main\nprofiles:\n  - name: main\n    base_url: " + url + "\n    api_key: " + key + "\n    provider: anthropic\nclient_token: " + token + "\n"
}

// meaningless are files that anybody can write in an editor.
func (r *rig) meaningless() []candidate {
	plain := r.text(r.upA.URL, keyA)
	add := func(name, says, from, to string) candidate {
		text := strings.Replace(plain, from, to, 1)
		if text == plain {
			r.t.Fatalf("%q is not in the file", from)
		}
		return candidate{name: name, says: says, text: r.seal(text)}
	}
	list := []candidate{
		add("an unknown field", "base_ulr", "base_url", "base_ulr"),
		add("an active profile that is not there", "nobody", "active: main", "active: nobody"),
		add("no active profile", "active", "active: main\n", ""),
		add("a fallback to nobody", "nobody", "    provider", "    fallback: [nobody]\n    provider"),
		add("a fallback to itself", "main", "    provider", "    fallback: [main]\n    provider"),
		add("a name twice", "main", "client_token", "  - {name: main, base_url: \"https://a.example\", auth: none}\nclient_token"),
		add("no URL", "base_url", "base_url: http://", "base_url: no "),
		add("plain HTTP to another machine", "http", "base_url: http://127.0.0.1", "base_url: http://a.example"),
		add("a file URL", "base_url", "base_url: http://", "base_url: file://"),
		add("a rule that leads nowhere", "nobody", "client_token", "rules:\n  - {model: \"*\", use: nobody}\nclient_token"),
		add("a word for a list", "a list", "profiles:\n", "rules: soon\nprofiles:\n"),
		add("a budget that is no number", "daily_usd", "    provider", "    budget: {daily_usd: much}\n    provider"),
	}
	for name, text := range map[string]string{
		"in clear text":     plain,
		"a tab":             "active:\tmain\n\tprofiles: []\n",
		"two documents":     plain + "---\n" + plain,
		"a list":            "- a\n- b\n",
		"a scalar":          "work\n",
		"NUL":               "active: a\x00b\n",
		"not UTF-8":         "active: \xff\xfe\n",
		"UTF-16":            "\xff\xfea\x00c\x00t\x00i\x00v\x00e\x00:\x00 \x00a\x00\n\x00",
		"a merge conflict":  "<<<<<<< HEAD\nactive: a\n=======\nactive: b\n>>>>>>> theirs\n",
		"only white space":  " \n\n",
		"JSON cut in half":  `{"active": "a", "profiles": [`,
		"an HTML page":      "<!doctype html><title>Sign in</title>\n",
		"a key of NULs":     strings.Repeat("\x00", 4096),
		"an age file":       "age-encryption.org/v1\n-> X25519 abc\n",
		"empty list":        "active: a\nprofiles: []\n",
		"a duplicate field": "active: a\nactive: b\n",
	} {
		list = append(list, candidate{name: name, text: []byte(text)})
	}
	return list
}

// oversized are files that cost a reader dear.
func (r *rig) oversized() []candidate {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 30 {
		fmt.Fprintf(&bomb, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i, i, i, i, i, i, i)
	}
	large := func(size int64) func(string) error {
		return func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := f.WriteString("active: a\n#"); err != nil {
				return err
			}
			return f.Truncate(size)
		}
	}
	return []candidate{
		{name: "an alias bomb", text: []byte(bomb.String())},
		{name: "an alias bomb in a sealed file", text: append([]byte(bomb.String()), r.seal(r.text(r.upA.URL, keyA))...)},
		{name: "a merge that contains itself", text: []byte("a: &a\n  <<: *a\n")},
		{name: "ten thousand brackets", text: bytes.Repeat([]byte("["), 10_000)},
		{name: "ten thousand levels", text: []byte(deep(1000))},
		{name: "a hundred thousand dashes", text: bytes.Repeat([]byte("- "), 100_000)},
		{name: "one line of a megabyte", text: append([]byte("active: "), bytes.Repeat([]byte("a"), 1<<20-8)...)},
		{name: "a megabyte and a byte", make: large(1<<20 + 1), says: "larger than"},
		{name: "100 MB", make: large(100 << 20), says: "larger than"},
	}
}

// deep is a mapping of so many levels.
func deep(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// notFiles are what else a path can lead to. dir is for what they need.
func notFiles(dir string) []candidate {
	const irregular = "not a regular file"
	list := []candidate{
		{name: "a FIFO", says: irregular, make: func(path string) error { return unix.Mkfifo(path, 0o600) }},
		{name: "a directory", says: irregular, make: func(path string) error { return os.Mkdir(path, 0o700) }},
		{name: "a device", says: irregular, make: func(path string) error { return os.Symlink("/dev/zero", path) }},
		{name: "a terminal", says: irregular, make: func(path string) error { return os.Symlink("/dev/ptmx", path) }},
		{name: "nothing", absent: true, says: "no profiles.yaml", make: func(string) error { return nil }},
		{name: "a link to nothing", absent: true, says: "no profiles.yaml", make: func(path string) error { return os.Symlink(filepath.Join(dir, "nothing"), path) }},
		{name: "a link to itself", absent: true, make: func(path string) error { return os.Symlink(filepath.Base(path), path) }},
		{name: "a link to a FIFO", says: irregular, make: func(path string) error {
			fifo := filepath.Join(dir, "fifo")
			_ = unix.Mkfifo(fifo, 0o600)
			return os.Symlink(fifo, path)
		}},
		{name: "a socket", says: irregular, make: func(path string) error {
			dir, err := os.MkdirTemp(filepath.Dir(path), "s") // the path of a socket must be short
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(dir) }()
			at, err := os.Open(dir)
			if err != nil {
				return err
			}
			defer at.Close()
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/s", at.Fd()), Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			_ = l.Close()
			return os.Rename(filepath.Join(dir, "s"), path)
		}},
		{name: "a file that all may write", says: "chmod", make: func(path string) error {
			if err := os.WriteFile(path, []byte("active: a\n"), 0o600); err != nil {
				return err
			}
			return os.Chmod(path, 0o666)
		}},
	}
	if os.Getuid() != 0 {
		list = append(list, candidate{name: "a file that nobody may read", says: "permission denied", make: func(path string) error {
			return os.WriteFile(path, []byte("active: a\n"), 0)
		}})
	}
	return list
}
