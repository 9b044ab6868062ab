package sealed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"filippo.io/age"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/google/shlex"
)

// maxIdentityFile bounds what is read from a file or a command.
const maxIdentityFile = 1 << 20

// Source is a place where sops looks for age identities.
type Source struct {
	// Place is a path or the name of an environment variable.
	Place string
	// Recipients belong to the identities found there, as far as they can be told without asking anybody.
	Recipients []string
	// Problem says why the place gave nothing, or is empty.
	Problem string

	identities []age.Identity
	open       bool // a file others can read
}

// String describes the place without any secret.
func (s Source) String() string {
	if s.Problem != "" {
		return s.Place + " (" + s.Problem + ")"
	}
	noun := "identities"
	if len(s.identities) == 1 {
		noun = "identity"
	}
	return fmt.Sprintf("%s (%d %s, no match)", s.Place, len(s.identities), noun)
}

// FindIdentities looks into every place sops knows, in its order, and returns them all, also those with nothing in them.
// Commands are not run. A nil getenv means the environment of the process.
func FindIdentities(getenv func(string) string) []Source {
	f := newFinder(getenv)
	sources := f.static()
	for _, name := range []string{sopsage.SopsAgeSshPrivateKeyCmdEnv, sopsage.SopsAgeKeyCmdEnv} {
		s := Source{Place: name, Problem: "not set"}
		if f.getenv(name) != "" {
			s.Problem = "a command, run when a file is opened"
		}
		sources = append(sources, s)
	}
	return sources
}

// DefaultKeyFile is where sops keeps age identities of this user when nothing else is said.
func DefaultKeyFile() string {
	return newFinder(nil).defaultKeyFile()
}

// finder looks for identities in one environment.
type finder struct {
	getenv func(string) string
}

// newFinder returns a finder; nil means the environment of the process.
func newFinder(getenv func(string) string) finder {
	if getenv == nil {
		getenv = os.Getenv
	}
	return finder{getenv: getenv}
}

// defaultKeyFile follows sops: the user's configuration directory, and XDG_CONFIG_HOME on macOS too.
func (f finder) defaultKeyFile() string {
	dir := f.getenv("XDG_CONFIG_HOME")
	switch {
	case runtime.GOOS == "windows":
		dir = f.getenv("AppData")
	case dir != "":
	case runtime.GOOS == "darwin":
		dir = filepath.Join(f.home(), "Library", "Application Support")
	default:
		dir = filepath.Join(f.home(), ".config")
	}
	return filepath.Join(dir, filepath.FromSlash(sopsage.SopsAgeKeyUserConfigPath))
}

// home is the user's home directory, or empty.
func (f finder) home() string {
	name := "HOME"
	if runtime.GOOS == "windows" {
		name = "USERPROFILE"
	}
	return f.getenv(name)
}

// static reads the places that need no command.
func (f finder) static() []Source {
	sources := []Source{f.file(sopsage.SopsAgeSshPrivateKeyFileEnv, parseSSH)}
	if home := f.home(); home != "" {
		for _, name := range []string{"id_ed25519", "id_rsa"} {
			sources = append(sources, readSource(filepath.Join(home, ".ssh", name), parseSSH))
		}
	}
	return append(sources,
		f.variable(sopsage.SopsAgeKeyEnv),
		f.file(sopsage.SopsAgeKeyFileEnv, parseIdentities),
		readSource(f.defaultKeyFile(), parseIdentities))
}

// parser turns the content of a place into identities and their recipients.
type parser func(data []byte) ([]age.Identity, []string, error)

// variable reads identities from the value of an environment variable, separated by any white space.
func (f finder) variable(name string) Source {
	value := f.getenv(name)
	if value == "" {
		return Source{Place: name, Problem: "not set"}
	}
	return newSource(name, []byte(strings.Join(strings.Fields(value), "\n")), parseIdentities)
}

// file reads the file an environment variable names.
func (f finder) file(name string, parse parser) Source {
	path := f.getenv(name)
	if path == "" {
		return Source{Place: name, Problem: "not set"}
	}
	return readSource(path, parse)
}

// readSource reads a file that must belong to the user and be closed to everybody else.
func readSource(path string, parse parser) Source {
	data, err := readPrivate(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Source{Place: path, Problem: "no such file"}
	case errors.Is(err, errOpenToOthers):
		return Source{Place: path, Problem: err.Error(), open: true}
	case err != nil:
		return Source{Place: path, Problem: reason(err)}
	}
	return newSource(path, data, parse)
}

// reason strips an error of the path, which the source names already.
func reason(err error) string {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		err = path.Err
	}
	return err.Error()
}

// newSource parses data and wipes it.
func newSource(place string, data []byte, parse parser) Source {
	defer clear(data)
	ids, recipients, err := parse(data)
	if err != nil {
		return Source{Place: place, Problem: err.Error()}
	}
	if len(ids) == 0 {
		return Source{Place: place, Problem: "no identity in it"}
	}
	return Source{Place: place, identities: ids, Recipients: recipients}
}

// commands fetches the identities that a command prints; it learns the recipient as sops tells it.
func (f finder) commands(ctx context.Context, recipient string) []Source {
	return []Source{
		f.command(ctx, sopsage.SopsAgeSshPrivateKeyCmdEnv, recipient, parseSSH),
		f.command(ctx, sopsage.SopsAgeKeyCmdEnv, recipient, parseIdentities),
	}
}

// command runs one key command without a terminal and without input, so that it cannot ask anything, and ends it with ctx.
func (f finder) command(ctx context.Context, name, recipient string, parse parser) Source {
	line := f.getenv(name)
	if line == "" {
		return Source{Place: name, Problem: "not set"}
	}
	args, err := shlex.Split(line)
	if err != nil || len(args) == 0 {
		return Source{Place: name, Problem: "not a command line"}
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), sopsage.SopsAgeRecipientEnv+"="+recipient)
	cmd.WaitDelay = 200 * time.Millisecond
	detach(cmd)
	out, err := cmd.Output()
	if err == nil {
		return newSource(name, out, parse)
	}
	clear(out)
	if ctx.Err() != nil {
		return Source{Place: name, Problem: "no answer in time"}
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return Source{Place: name, Problem: "the command failed: " + exit.String()}
	}
	return Source{Place: name, Problem: "the command cannot be started"}
}
