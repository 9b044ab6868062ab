package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// events are the kernel's news about some directories. Everything about them may fail at any
// time: then there are none, and the poll goes on alone.
type events struct {
	deaf   bool // never any, as on a network file system
	notify *fsnotify.Watcher
	armed  map[string]fs.FileInfo // the directories watched, as they were then
	names  chan string
	stop   chan struct{}
	done   chan struct{}
}

func newEvents() *events {
	return &events{armed: make(map[string]fs.FileInfo), names: make(chan string, 1)}
}

// wake returns the channel of the names that changed; "" means that anything may have.
func (e *events) wake() <-chan string { return e.names }

// watch makes dirs the directories watched and tells whether all of them are. A directory
// that was exchanged for another under its name is watched anew.
func (e *events) watch(dirs []string) bool {
	if e.notify == nil && !e.open() {
		return false
	}
	listed := e.notify.WatchList()
	for dir := range e.armed {
		if !slices.Contains(dirs, dir) {
			_ = e.notify.Remove(dir)
			delete(e.armed, dir)
		}
	}
	all := true
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			all = false
			continue
		}
		was, ok := e.armed[dir]
		if ok && os.SameFile(was, info) && slices.Contains(listed, dir) {
			continue
		}
		if ok {
			_ = e.notify.Remove(dir)
		}
		if e.notify.Add(dir) != nil {
			delete(e.armed, dir)
			all = false
			continue
		}
		e.armed[dir] = info
	}
	return all
}

func (e *events) open() bool {
	if e.deaf {
		return false
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return false
	}
	e.notify = notify
	e.stop, e.done = make(chan struct{}), make(chan struct{})
	go e.forward(notify)
	return true
}

// forward passes on names until the watcher is closed. An error, such as an overflow of the
// kernel's queue, means that anything may have changed.
func (e *events) forward(notify *fsnotify.Watcher) {
	defer close(e.done)
	for {
		var name string
		select {
		case ev, ok := <-notify.Events:
			if !ok {
				return
			}
			name = filepath.Clean(ev.Name)
		case _, ok := <-notify.Errors:
			if !ok {
				return
			}
		}
		select {
		case e.names <- name:
		case <-e.stop:
			return
		}
	}
}

func (e *events) close() {
	if e.notify == nil {
		return
	}
	close(e.stop)
	_ = e.notify.Close()
	<-e.done
}
