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
	// Wire format of the provider.
	Dialect text `yaml:"dialect,omitempty" jsonschema:"enum=anthropic,default=anthropic"`
	// How the key is sent: x-api-key, bearer (Authorization) or api-key. passthrough sends the client's own credential, and only to api.anthropic.com. none sends nothing.
	Auth text `yaml:"auth,omitempty" jsonschema:"enum=x-api-key,enum=bearer,enum=api-key,enum=passthrough,enum=none,default=x-api-key"`
	// Key of the provider. Sealed by sops: paste it in clear text and run prism seal.
	APIKey secretText `yaml:"api_key,omitempty"`
	// One model for everything: short for models with the single match "*".
	Model text `yaml:"model,omitempty" jsonschema:"example=kimi-k3"`
	// Which model is asked for instead of the one the client named. The first match wins; no match passes the name on.
	Models []modelShape `yaml:"models,omitempty"`
	// Profiles to go to, in order, when a budget with then: fallback is used up. This version does not use them after an attempt that failed.
	Fallback []text `yaml:"fallback,omitempty"`
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
}

// modelShape is one renaming.
type modelShape struct {
	// Name of the model the client asks for; * is any run of characters, ? one.
	Match text `yaml:"match" jsonschema:"required,example=*haiku*"`
	// Name that the provider is asked for.
	Use text `yaml:"use" jsonschema:"required,example=kimi-k3"`
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
