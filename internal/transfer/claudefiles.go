package transfer

// ClaudeFiles are the settings files of Claude Code, those that win in front: an administrator's, those of the
// directory, that of the user.
func (p Places) ClaudeFiles() []string { return p.settings() }
