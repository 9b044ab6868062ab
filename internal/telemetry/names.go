package telemetry

import "go.opentelemetry.io/otel/attribute"

// Names of the semantic conventions for generative AI, as of version 1.41.0 of
// open-telemetry/semantic-conventions, the last one to hold them (docs/registry/attributes/gen-ai.md,
// docs/gen-ai/gen-ai-metrics.md). They are in development and may still change.
const (
	operationName  = attribute.Key("gen_ai.operation.name")
	providerName   = attribute.Key("gen_ai.provider.name")
	requestModel   = attribute.Key("gen_ai.request.model")
	requestStream  = attribute.Key("gen_ai.request.stream")
	requestLimit   = attribute.Key("gen_ai.request.max_tokens")
	responseModel  = attribute.Key("gen_ai.response.model")
	responseID     = attribute.Key("gen_ai.response.id")
	responseReason = attribute.Key("gen_ai.response.finish_reasons")
	responseFirst  = attribute.Key("gen_ai.response.time_to_first_chunk") // seconds
	conversationID = attribute.Key("gen_ai.conversation.id")
	agentID        = attribute.Key("gen_ai.agent.id")
	tokenType      = attribute.Key("gen_ai.token.type")

	// usageInput includes cached tokens, which Anthropic's input_tokens does not.
	usageInput      = attribute.Key("gen_ai.usage.input_tokens")
	usageOutput     = attribute.Key("gen_ai.usage.output_tokens")
	usageCacheRead  = attribute.Key("gen_ai.usage.cache_read.input_tokens")
	usageCacheWrite = attribute.Key("gen_ai.usage.cache_creation.input_tokens")
	usageReasoning  = attribute.Key("gen_ai.usage.reasoning.output_tokens")

	metricTokenUsage   = "gen_ai.client.token.usage"
	metricDuration     = "gen_ai.client.operation.duration"
	metricFirstChunk   = "gen_ai.client.operation.time_to_first_chunk"
	metricPerToken     = "gen_ai.server.time_per_output_token"
	operationChat      = "chat" // what the conventions call a request for a message
	tokenTypeInput     = "input"
	tokenTypeOutput    = "output"
	otherValue         = "_OTHER" // stands for what would be too many
	overflowAttribute  = attribute.Key("otel.metric.overflow")
	errorType          = attribute.Key("error.type")
	serverAddress      = attribute.Key("server.address")
	responseStatusCode = attribute.Key("http.response.status_code")
	serviceName        = attribute.Key("service.name")
	serviceVersion     = attribute.Key("service.version")
	hostName           = attribute.Key("host.name")
)

// Names of prism's own.
const (
	profileKey    = attribute.Key("prism.profile")
	outcomeKey    = attribute.Key("prism.outcome")
	whyKey        = attribute.Key("prism.why")
	stateKey      = attribute.Key("prism.state")
	resultKey     = attribute.Key("prism.result")
	tokenClassKey = attribute.Key("prism.token.class")
	requestIDKey  = attribute.Key("prism.request_id")
	upstreamIDKey = attribute.Key("prism.upstream_request_id")
	generationKey = attribute.Key("prism.generation")
	reasonKey     = attribute.Key("prism.route_reason")
	sentModelKey  = attribute.Key("prism.upstream_model")
	usageFromKey  = attribute.Key("prism.usage_source")
	costKey       = attribute.Key("prism.cost_usd")
	attemptsKey   = attribute.Key("prism.attempts")
	attemptKey    = attribute.Key("prism.attempt")
	billedKey     = attribute.Key("prism.maybe_billed")

	metricAttempts      = "prism.upstream.attempts"
	metricHealth        = "prism.profile.health"
	metricHealthChanges = "prism.profile.health.changes"
	metricCost          = "prism.cost"
	metricUnpriced      = "prism.requests.unpriced"
	metricTokens        = "prism.tokens"
	metricSwaps         = "prism.swaps"
	metricGeneration    = "prism.generation"
	metricWaiting       = "prism.journal.waiting"
	metricDropped       = "prism.journal.dropped"
	metricInFlight      = "prism.requests.in_flight"
	metricRefused       = "prism.requests.refused"
)

// provider returns the name that the conventions have for a provider of the price book.
func provider(name string) string {
	switch name {
	case "bedrock":
		return "aws.bedrock"
	case "vertex":
		return "gcp.vertex_ai"
	case "google":
		return "gcp.gemini"
	case "azure":
		return "azure.ai.inference"
	case "mistral":
		return "mistral_ai"
	case "xai":
		return "x_ai"
	}
	return name
}

// secondBounds are the borders of the histograms of times that the conventions ask for.
func secondBounds() []float64 {
	return []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
}

// perTokenBounds are those of [metricPerToken].
func perTokenBounds() []float64 {
	return []float64{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5}
}

// tokenBounds are those of [metricTokenUsage].
func tokenBounds() []float64 {
	return []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
}
