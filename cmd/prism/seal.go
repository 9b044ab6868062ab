package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
)

func newSeal(a *app) *cobra.Command {
	var acceptRemoved, macOnly, check bool
	cmd := &cobra.Command{
		Use:   "seal",
		Short: "Seal keys that were pasted in clear text; verify the rest",
		Long: `Seal encrypts in place what stands in clear text where the file wants a sealed value, after
it has verified that nothing sealed before was altered. Values that did not change keep
their ciphertext, so the diff is small.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			if check {
				return a.sealCheck(r)
			}
			opt := sealed.SealOptions{AcceptRemoved: acceptRemoved}
			if cmd.Flags().Changed("mac-only-encrypted") {
				opt.MACOnlyEncrypted = &macOnly
			}
			return a.seal(cmd.Context(), r, opt)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&acceptRemoved, "accept-removed", false, "accept that sealed values were deleted, moved or copied")
	f.BoolVar(&macOnly, "mac-only-encrypted", false, "let the MAC cover the sealed values only, so that any editor can change active:")
	f.BoolVar(&check, "check", false, "change nothing; fail if a key stands in clear text")
	return cmd
}

// sealCheck is for CI and pre-commit: it needs no identity.
func (a *app) sealCheck(r room) error {
	path := r.paths.Profiles
	src, _, err := config.ReadFile(path)
	if err != nil {
		return readError(path, err)
	}
	if !sealed.IsSealed(src) {
		return &admin.Error{Code: codeClearText, Message: "the file is not sealed", Fix: "prism seal", At: &admin.Position{File: path}}
	}
	if err := keyInClear(path, src); err != nil {
		return err
	}
	return a.show(sealView(a, path, nil, false))
}

// keyInClear says which key stands in clear text in a sealed file. It needs no identity.
func keyInClear(path string, src []byte) error {
	_, problems := config.ParseProfiles(src, config.ParseOptions{File: path, Sealed: true, Unopened: true})
	for _, p := range problems {
		if p.Code == codeSecretFormat {
			e := errorOf(p)
			e.Code = codeClearText
			return e
		}
	}
	return nil
}

func (a *app) seal(ctx context.Context, r room, opt sealed.SealOptions) error {
	path := r.paths.Profiles
	src, st, err := config.ReadFile(path)
	if err != nil {
		return readError(path, err)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if !sealed.IsSealed(src) {
		return a.sealFirst(r, src, st)
	}
	out, fields, err := sealed.Seal(ctx, src, opt)
	if err != nil {
		return sealError(path, err)
	}
	if string(out) == string(src) {
		return a.show(sealView(a, path, nil, true))
	}
	if err := config.WriteFileAtomic(path, out, st); err != nil {
		return err
	}
	v := sealView(a, path, fields, true)
	if len(fields) == 0 {
		v.text = func(w io.Writer) {
			fmt.Fprintln(w, escape(a.text("%s   no key was in clear text; the MAC was made anew", a.tilde(path)), false))
		}
	}
	return a.show(v)
}

// sealFirst seals a file in clear text for the identities found here.
func (a *app) sealFirst(r room, src []byte, st config.FileState) error {
	path := r.paths.Profiles
	profiles, problems := config.ParseProfiles(src, config.ParseOptions{File: path, AllowPlaintext: true})
	if err := problems.Err(); err != nil {
		return err
	}
	recipients, err := a.recipients()
	if err != nil {
		return err
	}
	out, err := sealed.Encrypt(src, recipients)
	if err != nil {
		return sealError(path, err)
	}
	if err := config.WriteFileAtomic(path, out, st); err != nil {
		return err
	}
	var fields []string
	for _, p := range profiles.Profiles {
		for _, key := range p.AllKeys() {
			at := "profiles[" + p.Name + "]"
			if key.Name != "" {
				at += ".keys[" + key.Name + "]"
			}
			fields = append(fields, at+".api_key")
		}
	}
	if !profiles.ClientToken.IsZero() {
		fields = append(fields, "client_token")
	}
	return a.show(sealView(a, path, fields, true))
}

func sealView(a *app, path string, fields []string, verified bool) view {
	v := view{columns: []column{{name: "sealed"}}, object: struct {
		File     string   `json:"file"`
		Sealed   []string `json:"sealed"`
		Verified bool     `json:"verified"`
	}{path, append([]string{}, fields...), verified}}
	for _, f := range fields {
		v.rows = append(v.rows, []cell{textCell(f)})
	}
	v.text = func(w io.Writer) {
		if len(fields) == 0 {
			fmt.Fprintln(w, escape(a.text("%s   nothing to seal", a.tilde(path)), false))
			return
		}
		fmt.Fprintln(w, escape(a.text("%s   sealed %s", a.tilde(path), strings.Join(fields, ", ")), false))
	}
	return v
}
