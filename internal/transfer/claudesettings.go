package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"prism/config"
)

// readClaudeSettings reads one settings file of Claude Code.
func readClaudeSettings(_ context.Context, path string, b *builder) error {
	root, err := readObject(path)
	if err != nil {
		return err
	}
	s := settingsFile{path: path, env: envOf(root.at("env")), root: root}
	if !s.env.says() && root.at("apiKeyHelper").empty() {
		return fmt.Errorf("%w: its env says nothing of a provider", ErrFormat)
	}
	mergedSettings(b, []settingsFile{s})
	return nil
}

// settingsFile is one of the files that the client reads.
type settingsFile struct {
	path string
	env  clientEnv
	root *node
}

// readAllSettings reads the settings files that are there, those that win in front, and last the
// variables of the environment, as the client does.
func readAllSettings(paths []string, b *builder) error {
	var files []settingsFile
	for _, path := range paths {
		root, err := readObject(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		}
		b.Files = append(b.Files, path)
		files = append(files, settingsFile{path, envOf(root.at("env")), root})
	}
	env := clientEnv{}
	for _, name := range settingsVariables() {
		if value := b.opt.Getenv(name); value != "" {
			env[name] = value
		}
	}
	if len(env) > 0 {
		files = append(files, settingsFile{"the environment", env, nil})
	}
	says := false
	for _, f := range files {
		says = says || f.env.says()
	}
	if !says {
		return fs.ErrNotExist
	}
	mergedSettings(b, files)
	return nil
}

// settingsVariables are those that a profile is made of.
func settingsVariables() []string {
	return []string{
		"ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL",
		"ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL", "ANTHROPIC_DEFAULT_FABLE_MODEL",
		"CLAUDE_CODE_OAUTH_TOKEN",
	}
}

// mergedSettings makes one profile of files, the first of which wins. An address and a key of different
// files are not put together: a project must not get the key of its user by naming an address.
func mergedSettings(b *builder, files []settingsFile) {
	env, from := clientEnv{}, map[string]string{}
	for _, f := range files {
		for name, value := range f.env {
			if env[name] == "" {
				env[name], from[name] = value, f.path
			}
		}
		if n := f.root.at("apiKeyHelper"); !n.empty() {
			b.leave("apiKeyHelper", "a command that prints a key; prism keeps the key itself")
		}
	}
	d := env.draft("env", hostName(orElse(env["ANTHROPIC_BASE_URL"], anthropicURL)))
	env.leaveRest(b, "env")
	keyName := "ANTHROPIC_API_KEY"
	if d.profile.Auth == config.AuthBearer {
		keyName = "ANTHROPIC_AUTH_TOKEN"
	}
	if address := from["ANTHROPIC_BASE_URL"]; address != "" && from[keyName] != "" && address != from[keyName] {
		b.learn(env[keyName])
		b.leave("env.ANTHROPIC_BASE_URL", "it stands in "+address+" and the key in "+from[keyName]+"; they are not put together. Name one file to import it alone")
		return
	}
	b.Active = b.add(d)
}
