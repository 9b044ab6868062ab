package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/config/sealed"
)

type addOptions struct {
	draft    draftOptions
	activate bool
	dry      bool
}

func newProfilesAdd(a *app) *cobra.Command {
	o := addOptions{draft: draftOptions{command: "prism profiles add"}}
	cmd := &cobra.Command{
		Use:   "add --preset NAME",
		Short: "Put a profile for a known provider into profiles.yaml",
		Long: `Add puts one profile behind the others and changes nothing else; comments, order and sealed
values stay. What a preset knows of its provider comes from prism profiles presets. The key is
typed hidden or read from stdin, and sealed in memory where the file is sealed: clear text never
touches the disk.`,
		Example: "  printf %s \"$KEY\" | prism profiles add --preset openai --key-stdin\n" +
			"  prism profiles add --preset vllm --model qwen3-coder --activate\n" +
			"  prism profiles add --preset bedrock --base-url https://bedrock-runtime.us-east-1.amazonaws.com --model MODEL --dry-run",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.addProfile(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	addDraftFlags(f, &o.draft)
	f.BoolVar(&o.activate, "activate", false, "make it the active profile too")
	f.BoolVar(&o.dry, "dry-run", false, "write nothing, print what would change")
	return cmd
}

func (a *app) addProfile(ctx context.Context, r room, o addOptions) error {
	if o.draft.preset == "" && o.draft.baseURL == "" && !a.interactive() {
		return usagef("prism profiles add --preset NAME; prism profiles presets lists them", "no preset was named")
	}
	names, err := a.namesInFile(ctx, r)
	if err != nil {
		return err
	}
	if slices.Contains(names, o.draft.name) {
		return usagef("prism profiles add --name OTHER", "there is a profile %q already", o.draft.name)
	}
	o.draft.taken = names
	p, err := a.draft(ctx, o.draft)
	if err != nil {
		return err
	}
	c := change{keys: !p.APIKey.IsZero(), edit: func(text []byte, opt config.ParseOptions) ([]byte, error) {
		out, err := config.AppendProfile(text, p)
		if err != nil {
			return nil, err
		}
		if o.activate && o.dry {
			// What prism use would do to the file.
			if active, err := config.SpliceActive(out, p.Name); err == nil {
				out = active
			}
		}
		return out, checked(out, opt)
	}}
	if err := a.commit(ctx, r, c, outcome{Profile: p.Name, Done: "added", Notes: addNotes(p, o)}, o.dry); err != nil || o.dry || !o.activate {
		return err
	}
	return a.activate(ctx, r, p.Name)
}

// checked reads the new text as the gateway will: what would be refused is not written.
func checked(text []byte, opt config.ParseOptions) error {
	if _, problems := config.ParseProfiles(text, opt); problems.Err() != nil {
		return problems
	}
	return nil
}

// namesInFile are the names of the profiles; the file is opened only where they are sealed.
func (a *app) namesInFile(ctx context.Context, r room) ([]string, error) {
	path := r.paths.Profiles
	src, _, err := config.ReadFile(path)
	if err != nil {
		return nil, readError(path, err)
	}
	f, problems := config.ParseProfiles(src, config.ParseOptions{File: path, Sealed: sealed.IsSealed(src), AllowPlaintext: true, Unopened: true, Active: "-"})
	if f == nil {
		return nil, problems
	}
	names := namesOf(f.Profiles)
	if !slices.Contains(names, "") {
		return names, nil
	}
	opened, err := a.valid(ctx, r)
	if err != nil {
		return nil, err
	}
	return namesOf(opened.Profiles.Profiles), nil
}

// addNotes says what comes next.
func addNotes(p *config.Profile, o addOptions) []string {
	notes := []string{"ask whether it answers: prism test " + shellQuote(p.Name)}
	if !o.activate {
		notes = append(notes, "make it active: prism use "+shellQuote(p.Name))
	}
	switch p.Auth {
	case config.AuthSigV4:
		notes = append(notes, "it signs with the credentials that Amazon's own tools find here")
	case config.AuthGoogle:
		notes = append(notes, "it needs application default credentials: gcloud auth application-default login")
	default:
	}
	if p.Dialect.Translated() {
		notes = append(notes, "requests and answers are translated; what that cannot carry is in docs/providers.md")
	}
	return notes
}

func newPresets(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "presets",
		Short: "List the providers that prism knows, for prism profiles add and prism init",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v := view{columns: []column{
				{name: "name", whole: true},
				{name: "dialect"},
				{name: "auth", spare: true},
				{name: "base_url", whole: true},
				{name: "main"},
				{name: "title", data: true},
				{name: "haiku", data: true},
				{name: "provider", data: true},
				{name: "source", data: true},
				{name: "as_of", data: true},
			}}
			for _, p := range config.Presets() {
				v.rows = append(v.rows, []cell{
					textCell(p.Name), textCell(string(p.Dialect)), textCell(string(p.Auth)), textCell(p.BaseURL), textCell(p.Main),
					textCell(p.Title), textCell(p.Haiku), textCell(p.Provider), textCell(p.Source), textCell(p.AsOf),
				})
			}
			return a.show(v)
		},
	}
}
