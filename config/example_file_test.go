package config

// exampleFile shows every part of profiles.yaml that this version uses.
const exampleFile = `# yaml-language-server: $schema=./profiles.schema.json
active: work                              # save this line to switch

profiles:
  - name: work
    base_url: https://api.anthropic.com
    api_key: paste-the-key-and-run-prism-seal
    fallback: [kimi]                      # tried in order, before the answer began

  - name: kimi
    base_url: https://api.moonshot.ai/anthropic
    auth: bearer
    keys:                                 # instead of api_key: a session keeps to one of them
      - {name: first, api_key: paste-the-key-and-run-prism-seal}
      - {name: second, api_key: paste-the-other-key-as-well}
    models:                               # first match wins; no match passes the name on
      - {match: "*haiku*", use: kimi-k2.7-code}
      - {match: "*", use: kimi-k3}
    timeouts: {first_byte: 120s, idle: 240s, hold: 2s}
    keepalive: true

  - name: local
    base_url: http://127.0.0.1:11434
    auth: none
    model: qwen3-coder                    # short for models: [{match: "*", use: qwen3-coder}]

  - name: box
    base_url: http://127.0.0.1:8000/v1
    dialect: openai                       # requests and answers are translated
    auth: none
    preset: vllm                          # what is known of such servers; docs/providers.md
    models:
      - {match: "*", use: qwen3-coder, context_window: 131072, max_output: 32768}
    quirks: {efforts: [low, high]}        # and what this one does otherwise

rules:                                    # first match wins; otherwise the active profile
  - {model: "*haiku*", use: kimi}
  - {agent: "*", use: kimi}               # sub-agents
  - {header: {name: X-Claude-Code-Request-Class, match: auxiliary}, use: local}
  - {tag: {name: team, match: blue}, between: "22:00-06:00", days: [mon, tue, wed, thu, fri], use: local}
  - {path: /v1/messages/count_tokens, prompt_over: 200000, use: work}

prices:                                   # overrides of the price book
  - {provider: moonshot, model_match: "kimi-k3*", input: 0.60, output: 2.50, cache_read: 0.15}

client_token: a-token-made-by-prism-init
`
