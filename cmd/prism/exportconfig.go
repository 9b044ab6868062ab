package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
	"prism/internal/transfer"
)

// bundleOptions are the flags of prism export config.
type bundleOptions struct {
	out              string
	sealed, redacted bool
	recipients       []string
}

func newExportConfig(a *app) *cobra.Command {
	var o bundleOptions
	cmd := &cobra.Command{
		Use:   "config -o FILE",
		Short: "Pack the configuration into one file: sealed, or without its keys",
		Long: `A bundle holds profiles.yaml, prism.yaml, the rules of sops and your saved queries. Keys are
sealed in it as they are in profiles.yaml: it opens where one of the recipients' age keys is,
and --recipient seals it for another one. The rest can be read by whoever has the file, so that
the addresses of webhooks and collectors, which often hold a token, are left out of prism.yaml.
With --redacted it holds no key at all, and of such addresses the host. prism import bundle
takes it back.`,
		Example: `  prism export config -o prism.bundle
  prism export config -o for-the-laptop.bundle --recipient age1...
  prism export config -o - --redacted | tar tz`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.exportConfig(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "output", "o", "", "the `file`, which must not exist; - is stdout")
	f.BoolVar(&o.sealed, "sealed", false, "with its keys, sealed; this is the default")
	f.BoolVar(&o.redacted, "redacted", false, "without its keys")
	f.StringArrayVar(&o.recipients, "recipient", nil, "seal it for this age `recipient` too")
	return cmd
}

func (a *app) exportConfig(ctx context.Context, r room, o bundleOptions) error {
	switch {
	case o.out == "":
		return usagef("prism export config -o prism.bundle", "where to? -o is missing")
	case o.sealed && o.redacted:
		return usagef("prism export config -o FILE --sealed", "a bundle is either sealed or redacted")
	case o.redacted && len(o.recipients) > 0:
		return usagef("prism export config -o FILE --redacted", "a redacted bundle is sealed for nobody")
	case o.out == "-" && a.outTTY:
		return usagef("prism export config -o prism.bundle", "a bundle is not for a terminal")
	}
	b, err := a.bundle(ctx, r, o)
	if err != nil {
		return err
	}
	if o.out == "-" {
		return b.Write(a.out)
	}
	var packed bytes.Buffer
	if err := b.Write(&packed); err != nil {
		return err
	}
	if err := writeOnce(o.out, packed.Bytes()); err != nil {
		return err
	}
	return a.show(bundleView(a, b, o.out))
}

// writeOnce writes a new file that only the user can read.
func writeOnce(path string, data []byte) error {
	var m made
	if err := writeNew(path, data, 0o600, &m, "bundle"); err != nil {
		return pathError(filepath.Dir(path), err)
	}
	if m.rows[0][2].text == "exists" {
		return usagef("prism export config -o OTHER", "%s exists already", path)
	}
	return nil
}

// bundle packs the configuration.
func (a *app) bundle(ctx context.Context, r room, o bundleOptions) (*transfer.Bundle, error) {
	b := packing{&transfer.Bundle{Made: a.now(), By: thisBuild().Version, How: transfer.Sealed}}
	if o.redacted {
		b.How = transfer.Redacted
	}
	profiles, err := a.bundledProfiles(ctx, r, o)
	if err != nil {
		return nil, err
	}
	if err := b.Add(transfer.BundleProfiles, profiles); err != nil {
		return nil, err
	}
	if err := b.addSettings(r.paths.Settings); err != nil {
		return nil, err
	}
	if err := b.addFile(transfer.BundleRules, filepath.Join(r.paths.ConfigDir, ".sops.yaml")); err != nil {
		return nil, err
	}
	files, _ := filepath.Glob(filepath.Join(r.paths.Queries, "*.sql")) // the pattern is good
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", path, err)
		}
		if err := b.AddQuery(filepath.Base(path), b.text(data)); err != nil {
			a.note("note: %s does not go into the bundle", a.tilde(path))
		}
	}
	slices.SortFunc(b.Files[1:], func(x, y transfer.BundledFile) int { return bytes.Compare([]byte(x.Name), []byte(y.Name)) })
	return b.Bundle, nil
}

// packing is a bundle that is being packed.
type packing struct{ *transfer.Bundle }

// addSettings packs prism.yaml, which is not sealed, without the addresses that often hold a token.
func (b packing) addSettings(path string) error {
	data, err := readIfThere(path)
	if data == nil || err != nil {
		return err
	}
	out, withheld, err := config.WithholdAddresses(data, b.How == transfer.Redacted)
	if errors.Is(err, config.ErrSettingsShape) {
		return &admin.Error{Code: codeConfigInvalid, Message: err.Error(), Fix: "write it on one line, without escapes", At: &admin.Position{File: path}}
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", path, err)
	}
	b.Withheld = withheld
	return b.Add(transfer.BundleSettings, b.text(out))
}

func (b packing) addFile(name, path string) error {
	data, err := readIfThere(path)
	if data == nil || err != nil {
		return err
	}
	return b.Add(name, b.text(data))
}

// readIfThere returns nil for a file that is not there.
func readIfThere(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("pack %s: %w", path, err)
	}
	return data, nil
}

// text is a text as the bundle holds it: in a redacted one without what looks like a key.
func (b packing) text(data []byte) []byte {
	if b.How != transfer.Redacted {
		return data
	}
	return []byte(config.RedactText(config.RedactAddresses(string(data))))
}

// bundledProfiles is profiles.yaml as a bundle holds it.
func (a *app) bundledProfiles(ctx context.Context, r room, o bundleOptions) ([]byte, error) {
	path := r.paths.Profiles
	src, _, err := config.ReadFile(path)
	if err != nil {
		return nil, readError(path, err)
	}
	isSealed := sealed.IsSealed(src)
	if isSealed && !o.redacted {
		if err := keyInClear(path, src); err != nil {
			return nil, err
		}
	}
	if o.redacted {
		out, err := config.RedactProfiles(src)
		if errors.Is(err, config.ErrNamesSealed) {
			opened, _, openErr := openForEdit(ctx, path, src)
			if openErr != nil {
				return nil, openErr
			}
			out, err = config.RedactProfiles(opened)
		}
		return out, changeError(path, err)
	}
	if isSealed {
		return forRecipients(ctx, path, src, o.recipients)
	}
	recipients, err := a.recipients()
	if err != nil {
		return nil, err
	}
	out, err := sealed.Encrypt(src, slices.Concat(recipients, o.recipients))
	if err != nil {
		return nil, sealError(path, err)
	}
	return out, nil
}

// forRecipients is a sealed file that more recipients can open, too.
func forRecipients(ctx context.Context, path string, src []byte, more []string) ([]byte, error) {
	if len(more) == 0 {
		return src, nil
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	out, err := sealed.AddRecipients(ctx, src, more)
	if err != nil {
		return nil, sealError(path, err)
	}
	return out, nil
}

func bundleView(a *app, b *transfer.Bundle, path string) view {
	names := make([]string, len(b.Files))
	for i, f := range b.Files {
		names[i] = f.Name
	}
	v := view{columns: []column{{name: "file"}}, object: struct {
		File     string   `json:"file"`
		How      string   `json:"how"`
		Files    []string `json:"files"`
		Withheld []string `json:"withheld"`
	}{path, b.How, names, append([]string{}, b.Withheld...)}}
	for _, name := range names {
		v.rows = append(v.rows, []cell{textCell(name)})
	}
	v.text = func(w io.Writer) {
		fmt.Fprintln(w, escape(a.text("%s   %s, %s", a.tilde(path), a.said(b.How), plural(len(names), "%d files")), false))
		for _, name := range names {
			fmt.Fprintln(w, "  "+name)
		}
		if len(b.Withheld) > 0 {
			fmt.Fprintln(w, a.text("left out of prism.yaml: %s", strings.Join(b.Withheld, ", ")))
		}
	}
	return v
}

// bundleError says why there is no bundle.
func bundleError(path string, err error) error {
	at := &admin.Position{File: path}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &admin.Error{Code: codeNotFound, Message: "there is no such bundle", Fix: "prism import bundle FILE", At: at}
	case errors.Is(err, transfer.ErrBundle), transfer.IsFormat(err), errors.Is(err, fs.ErrPermission):
		return &admin.Error{Code: codeUsage, Message: err.Error(), Fix: "prism export config -o FILE makes one", At: at}
	}
	return err
}
