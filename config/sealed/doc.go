// Package sealed opens, seals and edits one YAML file that is sealed with sops.
//
// It stands on sops' own library, so that what the sops command line writes opens here and the other way round.
// Three rules go beyond sops:
//
//   - The MAC is always verified; there is no switch to ignore it.
//   - Nothing ever asks a question. An identity behind a passphrase is passed over and named in the error, and what
//     may hang (a key command, a plugin, a cloud's key service) ends with the caller's context.
//   - A text is changed by splicing: only the scalars that differ are rewritten, so comments, blank lines, quotes and
//     the order of fields stay as the person left them. sops' own layout is the fallback where a splice is not possible.
//
// What the MAC does not cover is the caller's business: it authenticates values, not their names or their place, and
// with mac_only_encrypted not even the clear ones. Pins stand behind it.
package sealed
