package main

import "github.com/spf13/cobra"

// topics are pages of `prism help`; a command that cannot run is what cobra calls one.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: topicExitCodes},
		{Use: "environment", Short: "Environment variables", Long: topicEnvironment},
		{Use: "formatting", Short: "Output formats and the JSON error", Long: topicFormatting},
		{Use: "files", Short: "Where prism keeps what", Long: topicFiles},
	}
}

const topicExitCodes = `Exit codes

  0    success; an empty list is a success
  1    failed, unclassified
  2    usage error, or a prompt was cancelled
  3    configuration invalid (check, reload, serve, edit)
  4    secrets: no key opens the file, MAC mismatch, or clear text with seal --check
  5    the gateway does not run or does not answer
  6    not found: profile, request id, saved query
  7    unhealthy: status --check, test, doctor, demo or ledger verify found something wrong
  8    over budget: spend --budget --check
  9    refused for safety: host not trusted, SQL not read-only, file changed or read-only,
       a rebuild that would lose rows
  78   serve: the port, the socket or the state directory is taken by another process
  125  run: prism itself failed
  126  run: the command cannot be executed
  127  run: the command was not found
  130  interrupted

run passes on the exit code of its command. The numbers are coarse; error.code in JSON is
the stable detail.`

const topicEnvironment = `Environment variables

  PRISM_CONFIG       profiles.yaml, or the directory it lies in
  PRISM_PROFILE      the profile of run and env, instead of the active one
  PRISM_LANG         the language: en or zh; else lang: in prism.yaml, LC_ALL, LC_MESSAGES, LANG
  PRISM_*            any key of prism.yaml: PRISM_LISTEN, PRISM_LOG_LEVEL, PRISM_TRUST ...
  XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR
                     where the files lie; prism paths prints the outcome
  SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD, SOPS_AGE_SSH_PRIVATE_KEY_FILE
                     the identity that opens profiles.yaml, as sops reads them
  VISUAL, EDITOR     the editor of prism edit
  NO_COLOR, CLICOLOR_FORCE
                     no colours; colours in a pipe too

Set by run and env for the client:

  ANTHROPIC_BASE_URL     the gateway, with /p/PROFILE where a profile is named
  ANTHROPIC_AUTH_TOKEN   the client token of prism; never a key of a provider
  ANTHROPIC_CUSTOM_HEADERS
                         tags, project, directory and branch for the ledger
  CLAUDE_CODE_GATEWAY_HINT_HEADERS
                         makes Claude Code say what kind of request it sends
  CLAUDE_CODE_MAX_CONTEXT_TOKENS
                         the context window of the model, where profiles.yaml knows it
  NO_PROXY, no_proxy     keeps calls to the loopback address away from a proxy`

const topicFormatting = `Output formats

  --format table|json|ndjson|csv|tsv|markdown|parquet; --json is --format json
  --jq EXPR filters the JSON

stdout is data, stderr is talk. On a terminal lists are tables, in a pipe tab-separated
values without colour. Times are local in tables, RFC 3339 in UTC in JSON. Money is $0.0042
in tables and an exact decimal string elsewhere. What is not known is – in tables, null in
JSON and empty in CSV and TSV; it is never 0.

An error's last line starts with "fix:", or with its translation. With --json the error goes
to stdout, and is in English like all that is for machines:

  {"error": {"code": "config_invalid", "message": "...", "fix": "...",
             "at": {"file": "...", "line": 20, "column": 14, "path": "profiles[local].dialect"}}}

Codes: usage, config_invalid, config_unsealed, secret_no_key, secret_mac, secret_format,
pin_mismatch, not_running, not_found, unhealthy, over_budget, sql_not_select, sql_error,
ledger_busy, file_changed, file_read_only, profile_in_use, occupied, no_service_manager,
no_desktop, internal.`

const topicFiles = `Files

  profiles.yaml         who answers; sealed by sops, read again whenever it is saved
  profiles.schema.json  its JSON Schema, for editors
  prism.yaml            settings, optional
  ledger.duckdb         the rows; open it read-only with any DuckDB
  journal/, archive/    the same rows as JSON Lines: the ledger of record
  queries/*.sql         your own named queries for prism sql
  pins.json             which key may go to which host
  sessions.json         where the client's sessions work, from the hook and the status line
  active                the choice of prism use where profiles.yaml cannot be written
  prism.sock            the control socket

prism paths prints where they lie and why.`
