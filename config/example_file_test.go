package config

// exampleFile shows every part of profiles.yaml that this version uses.
const exampleFile = `# yaml-language-server: $schema=./profiles.schema.json
active: work                              # save this line to switch

profiles:
  - name: work
    base_url: https://api.anthropic.com
    api_key: paste-the-key-and-run-prism-seal

  - name: kimi
    base_url: https://api.moonshot.ai/anthropic
    auth: bearer
    api_key: paste-the-key-and-run-prism-seal
    models:                               # first match wins; no match passes the name on
      - {match: "*haiku*", use: kimi-k2.7-code}
      - {match: "*", use: kimi-k3}
    timeouts: {first_byte: 120s, idle: 240s}

  - name: local
    base_url: http://127.0.0.1:11434
    auth: none
    model: qwen3-coder                    # short for models: [{match: "*", use: qwen3-coder}]

rules:                                    # first match wins; otherwise the active profile
  - {model: "*haiku*", use: kimi}
  - {header: {name: X-Claude-Code-Agent-Id, match: "?*"}, use: kimi}

prices:                                   # overrides of the price book
  - {provider: moonshot, model_match: "kimi-k3*", input: 0.60, output: 2.50, cache_read: 0.15}

client_token: a-token-made-by-prism-init
`
