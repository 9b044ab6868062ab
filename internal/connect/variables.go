package connect

import (
	"slices"
	"strings"
)

// Written are the variables that an edit may set; what stands there afterwards is the gateway's.
func Written() []string {
	return []string{
		"ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "NO_PROXY", "no_proxy",
		"CLAUDE_CODE_GATEWAY_HINT_HEADERS", "CLAUDE_CODE_MAX_CONTEXT_TOKENS",
	}
}

// TakenOut are the variables that an edit only ever takes out; one that stands there afterwards was written since.
func TakenOut() []string {
	return slices.Concat([]string{
		"ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_UNIX_SOCKET", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX",
		"CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_USE_ANTHROPIC_AWS", "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD", "CLAUDE_CODE_USE_MANTLE",
		"CLAUDE_CODE_USE_GATEWAY",
	}, modelVariables())
}

func modelVariables() []string {
	return []string{
		"ANTHROPIC_MODEL", "ANTHROPIC_SMALL_FAST_MODEL", "ANTHROPIC_DEFAULT_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL",
		"ANTHROPIC_DEFAULT_SONNET_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL", "ANTHROPIC_DEFAULT_FABLE_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL",
		"CLAUDE_CODE_WORKFLOW_SUBAGENT_MODEL", "CLAUDE_CODE_AUTO_MODE_MODEL", "CLAUDE_CODE_BG_CLASSIFIER_MODEL",
	}
}

// ForeignModels returns the variables that name a model which is none of Claude's. They belong to one
// provider, and would go to every other one that is active later; a profile names them under models.
func ForeignModels(env map[string]string) (names []string) {
	for _, name := range modelVariables() {
		if Foreign(env[name]) {
			names = append(names, name)
		}
	}
	return names
}

// Foreign tells whether a name is of a model that is none of Claude's.
func Foreign(model string) bool {
	model = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(model)), "[1m]")
	size := slices.Contains([]string{"", "default", "inherit", "opusplan", "opus", "sonnet", "haiku", "fable", "best"}, model)
	return !size && !strings.HasPrefix(model, "claude-")
}
