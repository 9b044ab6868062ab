// Package config knows the two files of the user and the news that they changed.
//
// profiles.yaml is decoded strictly and from the text on disk, so that every problem has the
// line and the column the user sees in the editor; all problems are reported at once, each
// with an excerpt and a fix. Sealed scalars are replaced by looking up their ciphertext: this
// package never decrypts. prism.yaml goes through viper: defaults < file < environment < flags.
//
// A [Watcher] tells that a file may have changed, whatever way it was saved. [Pins] bind keys
// to the hosts they were confirmed for, which is what makes it safe that the text around a
// sealed key can be edited by hand.
package config
