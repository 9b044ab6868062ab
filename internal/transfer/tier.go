package transfer

import "prism/config"

// tierNames are the sizes of Claude's models, by which clients choose others for them.
func tierNames() []string { return []string{"opus", "sonnet", "haiku", "fable"} }

// tierGlob matches the models of a size.
func tierGlob(tier string) string { return "*" + tier + "*" }

// tierModels are the renamings for a model of each size, and one for all others; what is empty keeps its
// name.
func tierModels(models map[string]string, others string) []config.ModelRule {
	var rules []config.ModelRule
	for _, tier := range tierNames() {
		if use := models[tier]; use != "" && use != others {
			rules = append(rules, config.ModelRule{Match: tierGlob(tier), Use: use})
		}
	}
	if others != "" {
		rules = append(rules, config.ModelRule{Match: "*", Use: others})
	}
	return rules
}
