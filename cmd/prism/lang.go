package main

import (
	"fmt"
	"slices"
	"strings"

	gotext "github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/text/language"

	"prism/config"
	"prism/internal/lang"
)

// Flags that are read before the command line is: the tree that reads them already has texts.
const (
	langFlag   = "lang"   // chooses the language
	configFlag = "config" // names the file beside which prism.yaml lies
)

// languageOf is the language of this run: --lang, else PRISM_LANG, else that of prism.yaml, else that of
// the locale.
func languageOf(args []string, getenv func(string) string) language.Tag {
	wish := firstOf(argument(args, langFlag), getenv("PRISM_LANG"))
	if wish == "" {
		if p, err := config.ResolvePaths(getenv, argument(args, configFlag)); err == nil {
			wish = config.Language(p.Settings)
		}
	}
	return lang.Match(wish, getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"))
}

// argument is the value of a flag of every command among args, before they are parsed; what follows --
// belongs to another program.
func argument(args []string, name string) string {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	value := ""
	for i, arg := range args {
		if v, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			value = v
		}
		if arg == "--"+name && i+1 < len(args) {
			value = args[i+1]
		}
	}
	return value
}

// langValue is the flag itself. Its value was taken by languageOf; here it is only checked.
type langValue struct{ given *string }

// String implements [pflag.Value].
func (v langValue) String() string {
	if v.given == nil {
		return ""
	}
	return *v.given
}

// Set implements [pflag.Value].
func (v langValue) Set(s string) error {
	if _, ok := lang.Parse(s); !ok {
		return fmt.Errorf("prism speaks %s", strings.Join(languages(), " and "))
	}
	*v.given = s
	return nil
}

// Type implements [pflag.Value].
func (v langValue) Type() string { return "language" }

// languages are the names of those that prism speaks.
func languages() []string {
	var names []string
	for _, tag := range lang.Languages() {
		names = append(names, tag.String())
	}
	return names
}

// english is this run for who reads English.
func (a *app) english() *app {
	b := *a
	b.lang = lang.Printer{}
	return &b
}

// text says format in the language of this run; see [lang.Printer.Text].
func (a *app) text(format string, args ...any) string { return a.lang.Text(format, args...) }

// count says format in the plural form for n; see [lang.Printer.Count].
func (a *app) count(n int, format string, args ...any) string {
	return a.lang.Count(n, format, args...)
}

// said says a finished English text in the language of this run; see [lang.Printer.Translate].
func (a *app) said(english string) string { return a.lang.Translate(english) }

// wordCell shows a word of ours in the language of this run; machines get the English one.
func (a *app) wordCell(word string) cell {
	if word == "" {
		return textCell("")
	}
	return textAs(a.said(word), word)
}

// localizeHelp has the texts of the tree said in the language of this run where somebody reads
// them: most runs show none of them, and some have to be quick.
func (a *app) localizeHelp(root *cobra.Command, args []string) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, given []string) {
		a.localize(root)
		help(c, given)
	})
	// The shell's completion shows the short texts.
	if slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, cobra.ShellCompRequestCmd) }) {
		a.localize(root)
	}
}

// localize says the texts of a command tree in the language of this run. It is the only place
// that does: a new command needs nothing but the entries in the catalogue.
func (a *app) localize(root *cobra.Command) {
	if a.lang.English() {
		return
	}
	root.InitDefaultHelpCmd()
	cobra.AddTemplateFuncs(map[string]any{
		"flagsOf": a.flagTable,
		"useLine": func(c *cobra.Command) string { return strings.ReplaceAll(c.UseLine(), "[flags]", a.text("[flags]")) },
	})
	root.SetUsageTemplate(a.text(usageTemplate))
	a.localizeCommand(root)
}

func (a *app) localizeCommand(c *cobra.Command) {
	c.Short, c.Long = a.said(c.Short), a.said(c.Long)
	for _, g := range c.Groups() {
		g.Title = a.said(g.Title)
	}
	c.InitDefaultHelpFlag()
	each := func(f *pflag.Flag) { f.Usage = a.said(f.Usage) }
	c.LocalFlags().VisitAll(each)
	for _, sub := range c.Commands() {
		a.localizeCommand(sub)
	}
}

// usageTemplate is cobra's own, whose headings are texts of ours where it is translated.
const usageTemplate = `Usage:{{if .Runnable}}
  {{useLine .}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [command]{{end}}{{if gt (len .Aliases) 0}}

Aliases:
  {{.NameAndAliases}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{if eq (len .Groups) 0}}

Available Commands:{{range $cmds}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{else}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help")))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if not .AllChildCommandsHaveGroup}}

Additional Commands:{{range $cmds}}{{if (and (eq .GroupID "") (or .IsAvailableCommand (eq .Name "help")))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{flagsOf .LocalFlags}}{{end}}{{if .HasAvailableInheritedFlags}}

Global Flags:
{{flagsOf .InheritedFlags}}{{end}}{{if .HasHelpSubCommands}}

Additional help topics:{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  {{rpad .CommandPath .CommandPathPadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableSubCommands}}

Use "{{.CommandPath}} [command] --help" for more information about a command.{{end}}
`

// flagTable is pflag's FlagUsages, aligned by what a terminal shows: pflag counts bytes, and a
// character of Chinese is three of them in two columns.
func (a *app) flagTable(flags *pflag.FlagSet) string {
	var names, texts []string
	width := 0
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		kind, text := pflag.UnquoteUsage(f)
		if kind != "" {
			name += " " + a.said(kind)
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "0s" {
			text += a.text(" (default %s)", f.DefValue)
		}
		width = max(width, gotext.StringWidthWithoutEscSequences(name))
		names, texts = append(names, name), append(texts, text)
	})
	lines := make([]string, len(names))
	for i, name := range names {
		lines[i] = pad(name, width, false) + "   " + texts[i]
	}
	return strings.Join(lines, "\n")
}

// phrase is a part of a text that is said in the language of the run where the text is; see
// [lang.Say].
func phrase(format string, args ...any) lang.Phrase { return lang.Say(format, args...) }

// plural is a phrase in the plural form for n; see [lang.Number].
func plural(n int, format string) lang.Phrase { return lang.Number(n, format) }
