package proxy

// Keys of log fields.
const (
	keyAttempts   = "attempts"
	keyCode       = "code"
	keyDuration   = "duration_ms"
	keyErrorType  = "error_type"
	keyGeneration = "generation"
	keyHidden     = "not_logged"
	keyID         = "request_id"
	keyMethod     = "method"
	keyModel      = "model"
	keyOperation  = "operation"
	keyOutcome    = "outcome"
	keyPath       = "path"
	keyProfile    = "profile"
	keyPrompt     = "prompt_tokens"
	keyOutput     = "output_tokens"
	keyStack      = "stack"
	keyStatus     = "status"
	keyTTFT       = "ttft_ms"
	keyUpModel    = "upstream_model"
)
