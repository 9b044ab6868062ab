package config

// The shapes below are profiles.yaml as it is written: they name every field the decoder
// accepts, and their comments become the JSON Schema and docs/config.md.

// profilesShape is the whole file.
type profilesShape struct {
	// Name of the profile that answers when nothing more specific is said. Save this line to switch.
	Active text `yaml:"active,omitempty" jsonschema:"example=work"`
	// The ways to reach a provider.
	Profiles []profileShape `yaml:"profiles" jsonschema:"required"`
	// Rules that send some requests to another profile than the active one. The first match wins.
	Rules []ruleShape `yaml:"rules,omitempty"`
	// Overrides of the price book, in the shape of its rows.
	Prices []priceShape `yaml:"prices,omitempty"`
	// What clients must present as Authorization, x-api-key or X-Prism-Token. Absent: any client on this machine. Sealed by sops.
	ClientToken secretText `yaml:"client_token,omitempty"`
	// Written by sops. Do not edit.
	Sops ignored `yaml:"sops,omitempty"`
}

// profileShape is one profile.
type profileShape struct {
	spot

	// Name of the profile, as used in active, rules, fallback and the path /p/NAME/.
	Name text `yaml:"name" jsonschema:"required,pattern=^[A-Za-z0-9][A-Za-z0-9._-]{0\\,63}$,example=work"`
	// Where the provider listens, without /v1/messages. https, or http to this machine.
	BaseURL text `yaml:"base_url" jsonschema:"required,format=uri,example=https://api.anthropic.com"`
	// Wire format of the provider: Anthropic's Messages, OpenAI's Chat Completions or Responses, Claude behind Amazon Bedrock or Google Vertex; see docs/providers.md.
	Dialect text `yaml:"dialect,omitempty" jsonschema:"enum=anthropic,enum=openai,enum=openai-responses,enum=bedrock,enum=vertex,default=anthropic"`
	// How the key is sent: x-api-key, bearer (Authorization) or api-key. passthrough sends the client's own credential, and only to api.anthropic.com. sigv4 signs with the credentials that Amazon's tools find, for Amazon's hosts; google sends a token of Google's application default credentials, to Google's. none sends nothing. Default: x-api-key with dialect anthropic, bearer with openai and openai-responses, sigv4 with bedrock, google with vertex.
	Auth text `yaml:"auth,omitempty" jsonschema:"enum=x-api-key,enum=bearer,enum=api-key,enum=passthrough,enum=sigv4,enum=google,enum=none"`
	// Region of the cloud, for sigv4. Found from the host if absent.
	Region text `yaml:"region,omitempty" jsonschema:"example=us-east-1"`
	// Preset whose quirks the provider has. Found from the host if absent; prism profiles presets lists them.
	Preset text `yaml:"preset,omitempty" jsonschema:"example=vllm"`
	// What the provider does otherwise than its dialect says, over what the preset knows of it.
	Quirks *quirksShape `yaml:"quirks,omitempty"`
	// Key of the provider. Sealed by sops: paste it in clear text and run prism seal.
	APIKey secretText `yaml:"api_key,omitempty"`
	// Several keys instead of api_key. A session keeps to one of them, new sessions take the next, and a key that is limited or refused is passed over.
	Keys []keyShape `yaml:"keys,omitempty"`
	// One model for everything: short for models with the single match "*".
	Model text `yaml:"model,omitempty" jsonschema:"example=kimi-k3"`
	// Which model is asked for instead of the one the client named. The first match wins; no match passes the name on.
	Models []modelShape `yaml:"models,omitempty"`
	// Profiles to go to, in order, when this one fails before its answer began, or when a budget with then: fallback is used up. Their own fallbacks do not count.
	Fallback []text `yaml:"fallback,omitempty"`
	// Go to the fallback also when the provider refuses the key: 401, 402, 403.
	FallbackOnAuth toggle `yaml:"fallback_on_auth,omitempty" jsonschema:"default=false"`
	// What may be paid for this profile; see docs/budgets.md.
	Budget *budgetShape `yaml:"budget,omitempty"`
	// Provider in the price book. Found from the host if absent.
	Provider text `yaml:"provider,omitempty" jsonschema:"example=moonshot"`
	// Factor on the list price, for discounts and resellers.
	Multiplier decimal `yaml:"multiplier,omitempty" jsonschema:"default=1"`
	// The plan is paid by the month: requests cost 0, the list price is still recorded.
	FlatFee toggle `yaml:"flat_fee,omitempty" jsonschema:"default=false"`
	// Whether the provider counts cached tokens inside input_tokens. auto means no, unless the sums in an answer prove it.
	InputIncludesCache text `yaml:"input_includes_cache,omitempty" jsonschema:"enum=auto,enum=yes,enum=no,default=auto"`
	// PEM file with the certificates that the provider's must be signed by, as an absolute path.
	CAFile text `yaml:"ca_file,omitempty"`
	// Limits on waiting for this provider.
	Timeouts timeoutsShape `yaml:"timeouts,omitempty"`
	// Send comments to the client while the provider is silent within a stream, so that long thinking outlasts the client's patience.
	Keepalive toggle `yaml:"keepalive,omitempty" jsonschema:"default=false"`
	// What becomes of an answer whose client has left: cancel ends it at once, drain reads on for at most 30 seconds, so that its usage is exact.
	OnClientDisconnect text `yaml:"on_client_disconnect,omitempty" jsonschema:"enum=cancel,enum=drain,default=cancel"`
	// How a stream that the provider breaks off ends for the client: error tells it so in a last event, abort only breaks the connection.
	OnTruncate text `yaml:"on_truncate,omitempty" jsonschema:"enum=error,enum=abort,default=error"`
}

// modelShape is one renaming.
type modelShape struct {
	// Name of the model the client asks for; * is any run of characters, ? one.
	Match text `yaml:"match" jsonschema:"required,example=*haiku*"`
	// Name that the provider is asked for.
	Use text `yaml:"use" jsonschema:"required,example=kimi-k3"`
	// Tokens that the model can answer with; a client that asks for more gets this. For translated dialects.
	MaxOutput whole `yaml:"max_output,omitempty" jsonschema:"minimum=1,example=32768"`
	// Tokens that the model can read and write. prism env tells the client of it.
	ContextWindow whole `yaml:"context_window,omitempty" jsonschema:"minimum=1,example=262144"`
}

// budgetShape is a limit on money.
type budgetShape struct {
	spot

	// US dollars a day.
	DailyUSD decimal `yaml:"daily_usd,omitempty"`
	// US dollars a week, from Monday on.
	WeeklyUSD decimal `yaml:"weekly_usd,omitempty"`
	// US dollars a month.
	MonthlyUSD decimal `yaml:"monthly_usd,omitempty"`
	// What happens when one of them is used up: warn says so, block refuses requests, fallback sends them to the first profile of fallback that is within its budgets.
	Then text `yaml:"then,omitempty" jsonschema:"enum=block,enum=fallback,enum=warn,default=warn"`
}

// timeoutsShape is how long to wait.
type timeoutsShape struct {
	// Until the first response header.
	FirstByte period `yaml:"first_byte,omitempty" jsonschema:"example=120s"`
	// Silence within a stream.
	Idle period `yaml:"idle,omitempty" jsonschema:"example=240s"`
	// How long the beginning of a stream may be held back while it could still fail over; 0s holds nothing back.
	Hold pause `yaml:"hold,omitempty" jsonschema:"example=2s,default=2s"`
}

// keyShape is one of several keys.
type keyShape struct {
	spot

	// Name of the key, as the ledger and prism status show it.
	Name text `yaml:"name" jsonschema:"required,pattern=^[A-Za-z0-9][A-Za-z0-9._-]{0\\,63}$,example=first"`
	// The key. Sealed by sops: paste it in clear text and run prism seal.
	APIKey secretText `yaml:"api_key" jsonschema:"required,example=KEY"`
}

// ruleShape sends matching requests to a profile. All conditions given must hold.
type ruleShape struct {
	spot

	// Name of the model the client asks for; * is any run of characters, ? one.
	Model text `yaml:"model,omitempty" jsonschema:"example=*haiku*"`
	// A header of the request.
	Header *headerShape `yaml:"header,omitempty"`
	// Path of the request; * is any run of characters.
	Path text `yaml:"path,omitempty" jsonschema:"example=/v1/messages/count_tokens"`
	// Id of the client's session; * is any run of characters, ? one.
	Session text `yaml:"session,omitempty"`
	// Who asks within the session: main is the main conversation, anything else the id of a sub-agent. "*" is any sub-agent.
	Agent text `yaml:"agent,omitempty" jsonschema:"example=main"`
	// A tag of the request.
	Tag *tagShape `yaml:"tag,omitempty"`
	// Time of the day, by the clock of this machine. It may run over midnight.
	Between text `yaml:"between,omitempty" jsonschema:"pattern=^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$,example=22:00-06:00"`
	// Days of the week. A time that runs over midnight belongs to the day on which it begins.
	Days []text `yaml:"days,omitempty" jsonschema:"enum=mon,enum=tue,enum=wed,enum=thu,enum=fri,enum=sat,enum=sun"`
	// The prompt is estimated to have more tokens than this.
	PromptOver whole `yaml:"prompt_over,omitempty" jsonschema:"minimum=1,example=200000"`
	// The prompt is estimated to have fewer tokens than this.
	PromptUnder whole `yaml:"prompt_under,omitempty" jsonschema:"minimum=1,example=2000"`
	// Profile that answers.
	Use text `yaml:"use" jsonschema:"required"`
}

// headerShape matches one header.
type headerShape struct {
	// Name of the header, in any case.
	Name text `yaml:"name" jsonschema:"required,example=X-Claude-Code-Agent-Id"`
	// Its value; * is any run of characters, ? one. "?*" means present.
	Match text `yaml:"match" jsonschema:"required,example=?*"`
}

// tagShape matches one tag, as X-Prism-Tags gives it.
type tagShape struct {
	// Name of the tag.
	Name text `yaml:"name" jsonschema:"required,example=team"`
	// Its value; * is any run of characters, ? one. "*" means present.
	Match text `yaml:"match" jsonschema:"required,example=blue"`
}
