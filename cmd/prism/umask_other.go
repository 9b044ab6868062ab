//go:build !unix

package main

import "io/fs"

func restrictUmask() {}

// checksMode is false where permissions are access lists, which a mode does not show.
const checksMode = false

// noFollow is a matter of the system here.
const noFollow = 0

func ours(fs.FileInfo) bool { return true }

func maxDescriptors() uint64 { return 0 }
