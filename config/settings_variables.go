package config

import "reflect"

// Variable is the environment variable that can give a setting.
type Variable struct {
	Name    string // PRISM_NOTIFY_WEBHOOK
	Setting string // in prism.yaml: notify.webhook
	Private bool   // what it holds may be a secret
}

// Variables are those of all settings, in the order of the settings.
func Variables() []Variable {
	settings := DefaultSettings()
	var out []Variable
	for _, s := range leaves(reflect.ValueOf(&settings).Elem(), nil) {
		out = append(out, Variable{Name: s.env(), Setting: s.name(), Private: s.private()})
	}
	return out
}
