package config

// UsableName tells whether a profile can be called so: names stand in paths, and what looks like a
// key must not become one.
func UsableName(name string) bool { return profileName.MatchString(name) && keyIn(name) == "" }

// RedactText replaces in a text what looks like a key, for texts that come from elsewhere. It knows
// the shapes of keys only; a [Secret] redacts itself.
func RedactText(text string) string { return redactKeys(text) }
