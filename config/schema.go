package config

import (
	_ "embed"
	"slices"
)

// The schema is generated from the shapes and their comments by the tests, with -update.
//
//go:embed profiles.schema.json
var profilesSchema []byte

// Schema returns the JSON Schema (draft-07) of profiles.yaml, for editors.
func Schema() []byte { return slices.Clone(profilesSchema) }
