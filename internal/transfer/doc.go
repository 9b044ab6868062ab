// Package transfer reads the configurations of other tools and makes profiles of them, and packs the
// configuration of prism into a bundle and out of it again.
//
// What it reads is somebody else's: files are opened for reading only, bounded in size, and nothing
// that stands in them is executed or believed. Each profile is read back as the gateway will read it
// before it becomes part of a [Plan]; what that refuses is left out and named, as is all that prism has
// no words for. Keys travel as [config.Secret] from the source into the text of profiles.yaml, which the
// caller seals; accounts that somebody is signed in with never come along.
package transfer
