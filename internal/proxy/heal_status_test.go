package proxy

import "testing"

func TestAnErrorInsideAnAnswerGetsTheStatusOfItsType(t *testing.T) {
	tests := []struct {
		typ, message string
		want         int
	}{
		{"invalid_request_error", "x", 400},
		{"authentication_error", "x", 401},
		{"billing_error", "x", 402},
		{"permission_error", "x", 403},
		{"not_found_error", "x", 404},
		{"conflict_error", "x", 409},
		{"request_too_large", "x", 413},
		{"rate_limit_error", "x", 429},
		{"api_error", "x", 500},
		{"timeout_error", "x", 504},
		{"overloaded_error", "x", 529},
		{"BadRequestError", "x", 400},
		{"server_error", "x", 500},
		{"error", "", 500},
		{"", "", 500},

		// What makes the client compact, whatever it is called.
		{"api_error", "prompt is too long: 210000 tokens > 200000 maximum", 400},
		{"error", "This model's maximum context length is 131072 tokens.", 400},
		{"context_length_exceeded", "too much", 400},
		{"request_too_large", "Prompt is too long", 400},
		{"validation_error", "Input is too long for requested model.", 400},
		{"server_error", "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000", 400},
		{"api_error", "capability_rejected: prompt_too_long", 400},

		// What does not, although it speaks of many tokens.
		{"rate_limit_error", "maximum context length of requests per minute", 429},
		{"overloaded_error", "prompt is too long for the moment", 529},
		{"api_error", "too many tokens, please wait before trying again", 500},
	}
	for _, tt := range tests {
		if got := errorStatus(tt.typ, tt.message); got != tt.want {
			t.Errorf("%s %q: %d, want %d", tt.typ, tt.message, got, tt.want)
		}
	}
}
