package config

import "reflect"

// ParseOptions say how to read profiles.yaml.
type ParseOptions struct {
	// File is the name that problems carry.
	File string
	// Values maps the ciphertexts of a sealed file, ENC[…], to their clear texts.
	Values map[string]string
	// Sealed tells that the file carries the sops block: keys must be sealed.
	Sealed bool
	// AllowPlaintext accepts a file that is not sealed.
	AllowPlaintext bool

	// Active is the choice kept outside of the file. With it the file may do without active.
	Active string
	// Own are the addresses, host:port, on which prism itself listens; no profile may lead there.
	Own []string
	// Unopened checks a sealed file without its clear texts: sealed values are taken to be
	// there and good. The result has no keys and must not serve.
	Unopened bool
}

// ParseProfiles decodes and checks profiles.yaml: strictly, everything at once. The profiles
// are nil if one of the problems is an error.
func ParseProfiles(src []byte, opt ParseOptions) (*Profiles, Problems) {
	r := newReport(opt.File, src)
	doc := parseDocument(src, r)
	if doc == nil {
		return nil, r.problems()
	}
	d := &decoder{report: r, values: opt.Values, sealed: opt.Sealed, unopened: opt.Unopened}
	var shape profilesShape
	if doc.root == nil {
		r.error(note{message: "the file is empty", fix: "remove it, then: prism init"})
	} else {
		d.fields(doc.root, reflect.ValueOf(&shape).Elem(), "")
	}
	if !opt.Sealed && !opt.AllowPlaintext {
		r.add(SeverityError, CodeUnsealed, note{
			message: "the file is not sealed: its keys lie in clear text on the disk",
			fix:     "prism seal (or set allow_plaintext: true in prism.yaml)",
		})
	}
	c := &checker{report: r, shape: &shape, opt: opt}
	profiles := c.check()
	for _, t := range doc.comments {
		if key := keyIn(t.Value); key != "" {
			r.add(SeverityWarning, CodeSecretFormat, note{
				pos:     Pos{t.Position.Line, t.Position.Column},
				message: "the comment looks like a key (" + keyPrefix(key) + "): comments are never sealed",
				fix:     "delete the comment and replace that key at the provider", bare: true,
			})
		}
	}
	problems := r.problems()
	if problems.Err() != nil {
		return nil, problems
	}
	return profiles, problems
}

// copyFields copies the values of a shape into the fields of the same names of dst.
func copyFields(dst, src reflect.Value) {
	for i := range src.NumField() {
		to := dst.FieldByName(src.Type().Field(i).Name)
		if !to.IsValid() || !src.Type().Field(i).IsExported() {
			continue
		}
		switch v := src.Field(i).Interface().(type) {
		case text:
			to.SetString(v.s)
		case decimal:
			to.SetString(v.s)
		case whole:
			to.SetInt(v.n)
		case instant:
			to.Set(reflect.ValueOf(v.t))
		case []text:
			for _, item := range v {
				to.Set(reflect.Append(to, reflect.ValueOf(item.s)))
			}
		case []whole:
			for _, item := range v {
				to.Set(reflect.Append(to, reflect.ValueOf(int(item.n))))
			}
		}
	}
}
