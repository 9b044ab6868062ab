package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
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
	cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", command[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the window, which the user closes
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("%s: %w", command[0], err)
		}
	case <-time.After(openPatience):
	}
	return nil
}

// windowed are editors that open a window by themselves; one that wants a terminal would start
// where nobody sees it.
func windowed() []string {
	return []string{"code", "codium", "code-insiders", "cursor", "windsurf", "zed", "subl", "gedit", "gnome-text-editor", "kate", "kwrite", "mousepad", "xed", "pluma", "gvim", "idea", "goland", "webstorm", "pycharm", "notepad", "notepad++", "mate", "bbedit"}
}

// editorCommand is the program and its arguments. The path is one of them, never part of a script.
func editorCommand(platform string, getenv func(string) string, path string) ([]string, error) {
	desktop := platform == "windows" || platform == "darwin" || getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
	if !desktop {
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
	Command string `json:"command"`
	Why     string `json:"why,omitempty"`
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
