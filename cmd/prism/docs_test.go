package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCommandLineDocsMatchTheProgram compares docs/cli.md with what cobra knows; -update
// rewrites it.
func TestCommandLineDocsMatchTheProgram(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "cli.md")
	got := commandDocs(newRoot(&app{getenv: func(string) string { return "" }}))
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("docs/cli.md is not what the program says; run: go test ./cmd/prism -run Docs -update")
	}
}

func TestEveryCommandSaysWhatItDoes(t *testing.T) {
	walk(newRoot(&app{getenv: func(string) string { return "" }}), func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short text %q", c.CommandPath(), c.Short)
		}
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s has no text", c.CommandPath(), f.Name)
			}
		})
	})
}

// TestOtherNamesInTheDocsAreCommands: an alias belongs to its parent.
func TestOtherNamesInTheDocsAreCommands(t *testing.T) {
	root := newRoot(&app{getenv: func(string) string { return "" }})
	also := regexp.MustCompile(`(?m)^Also: (.*)\.$`).FindAllStringSubmatch(commandDocs(root), -1)
	if len(also) == 0 {
		t.Fatal("no command has another name")
	}
	for _, line := range also {
		for name := range strings.SplitSeq(line[1], ", ") {
			if c, rest, err := root.Find(strings.Fields(strings.Trim(name, "`"))[1:]); err != nil || len(rest) > 0 || c == root {
				t.Errorf("%s is no command", name)
			}
		}
	}
}

func walk(c *cobra.Command, fn func(*cobra.Command)) {
	fn(c)
	for _, sub := range c.Commands() {
		walk(sub, fn)
	}
}

func commandDocs(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# The command line\n\nMade from the program itself by `go test ./cmd/prism -run Docs -update`; do not edit.\n")
	fmt.Fprintf(&b, "\n%s\n\n## Flags of every command\n\n%s", root.Long, flagsText(root.PersistentFlags()))
	walk(root, func(c *cobra.Command) {
		switch {
		case c == root || c.Hidden || c.Name() == "help":
		case !c.Runnable():
			fmt.Fprintf(&b, "\n## prism help %s\n\n```\n%s\n```\n", c.Name(), c.Long)
		default:
			commandDoc(&b, c)
		}
	})
	return b.String()
}

func commandDoc(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", c.CommandPath(), c.Short, c.UseLine())
	var also []string
	for _, alias := range c.Aliases {
		also = append(also, c.Parent().CommandPath()+" "+alias)
	}
	if len(also) > 0 {
		fmt.Fprintf(b, "\nAlso: `%s`.\n", strings.Join(also, "`, `"))
	}
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", c.Long)
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
	}
	// What a command takes, its parents' own flags too; those of the root stand at the beginning.
	own := pflag.NewFlagSet(c.Name(), pflag.ContinueOnError)
	take := func(f *pflag.Flag) {
		if c.Root().PersistentFlags().Lookup(f.Name) != f {
			own.AddFlag(f)
		}
	}
	c.LocalFlags().VisitAll(take)
	c.InheritedFlags().VisitAll(take)
	if own.HasAvailableFlags() {
		b.WriteString("\n" + flagsText(own))
	}
}

func flagsText(f *pflag.FlagSet) string { return "```\n" + f.FlagUsages() + "```\n" }
