// Package dashboard serves the pages that show and switch a running gateway, on a port of its own.
//
// The pages are files of the program: a shell without any data, which asks for what it shows. Who may
// ask is decided in three places that stand in this order: the guard (guard.go) knows where a
// request comes from, the access (access.go) knows who is signed in, and only then a handler looks
// at what is asked for. A page can make another profile active and try one out; everything else
// is looking.
//
// Whatever is shown comes out of requests, files and answers of strangers: it goes to the browser
// as JSON, never as part of a page.
package dashboard

// The libraries of the pages are made of pinned packages by a module of its own; see its main.go.
//
//go:generate go -C web/vendor/gen run . ..
