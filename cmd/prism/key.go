package main

import (
	"prism/config/sealed"
	"prism/internal/admin"
)

// recipients returns whom to seal a new file for: the public halves of the identities that
// sops would find here.
func (a *app) recipients() ([]string, error) {
	var list []string
	for _, s := range sealed.FindIdentities(a.getenv) {
		list = append(list, s.Recipients...)
	}
	if len(list) == 0 {
		return nil, &admin.Error{Code: codeNoKey, Message: "there is no age identity here to seal for", Fix: "prism init"}
	}
	return list, nil
}
