//go:build !unix

package config

import (
	"io/fs"
	"os"
)

func openNonblock(path string) (*os.File, error) { return os.Open(path) }

func inode(fs.FileInfo) (dev, ino uint64) { return 0, 0 }

// Access control lists take the place of mode bits here; they are not looked at.

func trustedOwner(fs.FileInfo) bool { return true }

func writableByOthers(fs.FileInfo) bool { return false }

func worldWritable(fs.FileInfo) bool { return false }

func keepOwner(*os.File, fs.FileInfo) error { return nil }

func privateMode(fs.FileMode) bool { return true }
