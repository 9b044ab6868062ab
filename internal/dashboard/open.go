package dashboard

import (
	"context"
	"errors"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"prism/internal/desktop"
)

// errNoDesktop means that the gateway runs where nobody would see a window.
var errNoDesktop = errors.New("the gateway runs without a desktop")

// openPatience is how long a program may take to say that it cannot show the file.
const openPatience = 2 * time.Second

// OpenInEditor shows a file in the editor that the user has chosen, if it has a window of its own,
// else in whatever the desktop opens such a file with. It does not wait for the window.
func OpenInEditor(ctx context.Context, path string) error {
	command, err := editorCommand(runtime.GOOS, os.Getenv, path)
	if err != nil {
		return err
	}
	if inService(os.Getenv, os.Getpid()) {
		command = outside(command)
	}
	return desktop.Start(ctx, command, openPatience)
}

// inService tells whether this process is the one that systemd started as a service. The variables are
// inherited by all that such a process starts, shells among them; before version 248 there is no PID
// to tell them apart by.
func inService(getenv func(string) string, pid int) bool {
	owner := getenv("SYSTEMD_EXEC_PID")
	return getenv("INVOCATION_ID") != "" && (owner == "" || owner == strconv.Itoa(pid))
}

// outside has the user's manager start a command as a service of its own. As a child of this one it
// would live in our sandbox, where many editors die, and be killed with us, with what was not saved.
// What the command leaves behind when it ends is the editor itself: it must stay.
func outside(command []string) []string {
	out := []string{"systemd-run", "--user", "--quiet", "--collect", "--property=KillMode=process", "--", command[0]}
	for _, arg := range command[1:] {
		out = append(out, strings.ReplaceAll(arg, "$", "$$")) // it takes $NAME for a variable
	}
	return out
}

// windowed are editors that open a window by themselves; one that wants a terminal would start
// where nobody sees it.
func windowed() []string {
	return []string{"code", "codium", "code-insiders", "cursor", "windsurf", "zed", "subl", "gedit", "gnome-text-editor", "kate", "kwrite", "mousepad", "xed", "pluma", "gvim", "idea", "goland", "webstorm", "pycharm", "notepad", "notepad++", "mate", "bbedit"}
}

// editorCommand is the program and its arguments. The path is one of them, never part of a script.
func editorCommand(platform string, getenv func(string) string, path string) ([]string, error) {
	if !desktop.Present(platform, getenv) {
		return nil, errNoDesktop
	}
	for _, name := range []string{"VISUAL", "EDITOR"} {
		words := strings.Fields(getenv(name))
		if len(words) == 0 {
			continue
		}
		program := words[0][strings.LastIndexAny(words[0], `/\`)+1:]
		if slices.Contains(windowed(), strings.TrimSuffix(strings.ToLower(program), ".exe")) {
			words = slices.DeleteFunc(words, func(w string) bool { return w == "--wait" || w == "-w" })
			return append(words, path), nil
		}
	}
	switch platform {
	case "windows":
		return []string{"notepad.exe", path}, nil
	case "darwin":
		return []string{"open", "-t", path}, nil
	}
	return []string{"xdg-open", path}, nil
}

type openReply struct {
	Opened  bool   `json:"opened"`
	Command string `json:"command"`       // does the same in a terminal
	Why     string `json:"why,omitempty"` // it was not opened
}

// openFile shows profiles.yaml in the user's editor. Which file and which program is never up to
// the page.
func (s *Server) openFile(w http.ResponseWriter, r *http.Request) {
	if err := decode(r, &struct{}{}); err != nil {
		s.reply(w, nil, err)
		return
	}
	st, err := s.opt.Gateway.Status(r.Context())
	if err != nil {
		s.reply(w, nil, err)
		return
	}
	out := openReply{Opened: true, Command: "prism edit"}
	if err := s.opt.Open(context.WithoutCancel(r.Context()), st.File.Path); err != nil {
		out.Opened, out.Why = false, err.Error()
	}
	s.reply(w, out, nil)
}
