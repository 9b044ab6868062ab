-- The tables of the ledger. They are append-only and have neither keys nor indexes: an index that is damaged makes a
-- table unreadable, and what is appended together with its watermark cannot be appended twice.
--
-- Instants are TIMESTAMPTZ (UTC), money is DECIMAL(18, 10) US dollars, durations are integers, unknown is NULL.

create table requests (
  request_id            varchar,
  started_at            timestamptz,
  ended_at              timestamptz,
  source                varchar,
  generation            ubigint,
  host_name             varchar,
  gateway_version       varchar,
  session_id            varchar,
  agent_id              varchar,
  parent_agent_id       varchar,
  client_name           varchar,
  client_version        varchar,
  request_class         varchar,
  prompt_id             varchar,
  project               varchar,
  cwd                   varchar,
  git_branch            varchar,
  tags                  map(varchar, varchar),
  profile               varchar,
  provider              varchar,
  server_address        varchar,
  route_reason          varchar,
  operation             varchar,
  request_model         varchar,
  upstream_model        varchar,
  response_model        varchar,
  response_id           varchar,
  upstream_request_id   varchar,
  stop_reason           varchar,
  service_tier          varchar,
  speed                 varchar,
  inference_geo         varchar,
  stream                boolean,
  max_tokens            integer,
  http_status           smallint,
  outcome               varchar,
  error_type            varchar,
  error_message         varchar,
  input_tokens          bigint,
  cache_read_tokens     bigint,
  cache_write_5m_tokens bigint,
  cache_write_1h_tokens bigint,
  output_tokens         bigint,
  reasoning_tokens      bigint,
  web_search_requests   integer,
  usage_source          varchar,
  usage_notes           varchar[],
  translation_notes     varchar[],
  usage_raw             json,
  prompt_tokens         bigint,
  overhead_us           bigint,
  ttfb_ms               integer,
  ttft_ms               integer,
  duration_ms           integer,
  longest_gap_ms        integer,
  request_bytes         bigint,
  response_bytes        bigint,
  attempts              struct(n integer, profile varchar, server_address varchar, model varchar, started_at timestamptz,
    http_status smallint, error_type varchar, ttfb_ms integer, duration_ms integer, outcome varchar, maybe_billed boolean,
    usage struct(input_tokens bigint, cache_read_tokens bigint, cache_write_5m_tokens bigint, cache_write_1h_tokens bigint,
      output_tokens bigint, reasoning_tokens bigint, web_search_requests integer), cost_list_usd decimal(18, 10))[],
  price_id              varchar,
  cost_input_usd        decimal(18, 10),
  cost_cache_read_usd   decimal(18, 10),
  cost_cache_write_usd  decimal(18, 10),
  cost_output_usd       decimal(18, 10),
  cost_other_usd        decimal(18, 10),
  cost_list_usd         decimal(18, 10),
  cost_usd              decimal(18, 10),
  cost_uncached_usd     decimal(18, 10),
  rl_5h_used            double,
  rl_5h_reset_at        timestamptz,
  rl_7d_used            double,
  rl_7d_reset_at        timestamptz,
  schema_version        smallint
);

comment on table requests is 'One row per exchange: a request of the client and all that was done for it.';
comment on column requests.request_id is 'Identity of the exchange: a ULID made by prism. Upstream ids are attributes only.';
comment on column requests.started_at is 'Request accepted.';
comment on column requests.ended_at is 'Last byte or error.';
comment on column requests.source is 'proxy, or import:NAME.';
comment on column requests.generation is 'Table that served it; joins config_events.';
comment on column requests.host_name is 'Machine that wrote the row (host.name).';
comment on column requests.gateway_version is 'Version of prism that wrote the row (service.version).';
comment on column requests.session_id is 'Session of the client (gen_ai.conversation.id).';
comment on column requests.agent_id is 'Sub-agent of the client; NULL = the main one (gen_ai.agent.id).';
comment on column requests.parent_agent_id is 'Agent that started the sub-agent.';
comment on column requests.client_name is 'Client, from its User-Agent.';
comment on column requests.client_version is 'Version of the client, from its User-Agent.';
comment on column requests.request_class is 'main, subagent, auxiliary, compaction, as the client hints.';
comment on column requests.prompt_id is 'Prompt of the user that the request belongs to, as the client hints.';
comment on column requests.project is 'Project, if known.';
comment on column requests.cwd is 'Working directory, if known.';
comment on column requests.git_branch is 'Branch, if known (vcs.ref.head.name).';
comment on column requests.tags is 'Tags given to prism run or in X-Prism-Tags.';
comment on column requests.profile is 'Profile that served, or tried last.';
comment on column requests.provider is 'Provider as the price book knows it (gen_ai.provider.name).';
comment on column requests.server_address is 'Host called (server.address).';
comment on column requests.route_reason is 'Why this profile: path, header, rule N, active, fallback.';
comment on column requests.operation is 'messages, count_tokens, models, other (gen_ai.operation.name).';
comment on column requests.request_model is 'Model as the client asked (gen_ai.request.model).';
comment on column requests.upstream_model is 'Model sent after renaming.';
comment on column requests.response_model is 'Model the provider says it served (gen_ai.response.model).';
comment on column requests.response_id is 'Message id of the provider (gen_ai.response.id).';
comment on column requests.upstream_request_id is 'request-id header of the provider; joins the transcripts of the client.';
comment on column requests.stop_reason is 'Why the message ended (gen_ai.response.finish_reasons).';
comment on column requests.service_tier is 'Service tier as reported: standard, priority, batch.';
comment on column requests.speed is 'Speed as reported; fast has prices of its own.';
comment on column requests.inference_geo is 'Region of inference as reported.';
comment on column requests.stream is 'The client asked for server-sent events.';
comment on column requests.max_tokens is 'Limit on output tokens as asked (gen_ai.request.max_tokens).';
comment on column requests.http_status is 'Status sent to the client; NULL = nothing was sent (http.response.status_code).';
comment on column requests.outcome is 'ok, error, client_abort, truncated, crashed, shutdown, blocked.';
comment on column requests.error_type is 'Anthropic error type, or dial, tls, timeout, reset... (error.type).';
comment on column requests.error_message is 'At most 500 characters, secrets redacted.';
comment on column requests.input_tokens is 'Uncached input, as Anthropic counts it (gen_ai.usage.input_tokens).';
comment on column requests.cache_read_tokens is 'Input read from the prompt cache (gen_ai.usage.cache_read.input_tokens).';
comment on column requests.cache_write_5m_tokens is 'Input written to the cache for five minutes; a write of unknown life counts here.';
comment on column requests.cache_write_1h_tokens is 'Input written to the cache for one hour.';
comment on column requests.output_tokens is 'Output, reasoning included (gen_ai.usage.output_tokens).';
comment on column requests.reasoning_tokens is 'Part of the output that was thinking.';
comment on column requests.web_search_requests is 'Searches made by the provider''s own tool.';
comment on column requests.usage_source is 'final, partial, estimated, none.';
comment on column requests.usage_notes is 'What was inferred about the usage: ttl_inferred, zero_ignored...';
comment on column requests.translation_notes is 'What a translating upstream could not carry.';
comment on column requests.usage_raw is 'The merged usage object as reported, unknown fields included.';
comment on column requests.prompt_tokens is 'Input, cache reads and cache writes: what price tiers are measured on.';
comment on column requests.overhead_us is 'Microseconds spent in prism before the upstream was called.';
comment on column requests.ttfb_ms is 'Milliseconds to the first response header.';
comment on column requests.ttft_ms is 'Milliseconds to the first content (gen_ai.server.time_to_first_token).';
comment on column requests.duration_ms is 'Milliseconds to the end (gen_ai.server.request.duration).';
comment on column requests.longest_gap_ms is 'Longest silence within the stream, in milliseconds.';
comment on column requests.request_bytes is 'Bytes of the request body (http.request.body.size).';
comment on column requests.response_bytes is 'Bytes of the response body (http.response.body.size).';
comment on column requests.attempts is 'Every try at an upstream, in order; see view attempts.';
comment on column requests.price_id is 'Row of the price book used; NULL = unpriced, never free of charge.';
comment on column requests.cost_input_usd is 'List price of the uncached input, USD.';
comment on column requests.cost_cache_read_usd is 'List price of the cache reads, USD.';
comment on column requests.cost_cache_write_usd is 'List price of the cache writes, USD.';
comment on column requests.cost_output_usd is 'List price of the output, USD.';
comment on column requests.cost_other_usd is 'List price of everything else, such as web searches, USD.';
comment on column requests.cost_list_usd is 'Sum of the list prices, USD.';
comment on column requests.cost_usd is 'What is paid: list price by the multiplier of the profile, or 0 with a flat fee; lost attempts included. USD.';
comment on column requests.cost_uncached_usd is 'What the same tokens would have cost without caching, USD.';
comment on column requests.rl_5h_used is 'Share of the five-hour limit used, as the provider reported it.';
comment on column requests.rl_5h_reset_at is 'End of the five-hour window.';
comment on column requests.rl_7d_used is 'Share of the seven-day limit used.';
comment on column requests.rl_7d_reset_at is 'End of the seven-day window.';
comment on column requests.schema_version is 'Version of the shape of the row.';

create table config_events (
  generation ubigint,
  event_at   timestamptz,
  trigger    varchar,
  hash       varchar,
  accepted   boolean,
  reason     varchar,
  added      varchar[],
  removed    varchar[],
  changed    varchar[]
);

comment on table config_events is 'One row per swap of the routing table, accepted or refused; names only, never values.';
comment on column config_events.generation is 'Table that is live after the event.';
comment on column config_events.event_at is 'When it happened.';
comment on column config_events.trigger is 'start, file, sighup, reload, use, trust.';
comment on column config_events.hash is 'First 16 hex digits of the SHA-256 of the file.';
comment on column config_events.accepted is 'The table was swapped in.';
comment on column config_events.reason is 'Why it was refused, or what is to be noted.';
comment on column config_events.added is 'Profiles that were added; names only.';
comment on column config_events.removed is 'Profiles that were removed; names only.';
comment on column config_events.changed is 'Profiles and settings that changed; names only.';

create table ledger_meta (
  fold           ubigint,
  folded_at      timestamptz,
  schema_version smallint,
  segment        varchar,
  segment_offset bigint,
  run            varchar,
  seq            ubigint,
  requests       ubigint,
  config_events  ubigint,
  prices_hash    varchar,
  views_hash     varchar
);

comment on table ledger_meta is 'One row per fold, written in the transaction of its rows: how far the journal has been read.';
comment on column ledger_meta.fold is 'Number of the fold, from 1; the greatest one counts.';
comment on column ledger_meta.folded_at is 'When it was committed.';
comment on column ledger_meta.schema_version is 'Number of the last migration.';
comment on column ledger_meta.segment is 'Segment of the journal up to which everything is in the tables.';
comment on column ledger_meta.segment_offset is 'Bytes of that segment that are in the tables.';
comment on column ledger_meta.run is 'Run of the gateway that wrote the last record.';
comment on column ledger_meta.seq is 'Sequence number of that record within its run.';
comment on column ledger_meta.requests is 'Rows of requests after the fold.';
comment on column ledger_meta.config_events is 'Rows of config_events after the fold.';
comment on column ledger_meta.prices_hash is 'Fingerprint of the price book in table prices.';
comment on column ledger_meta.views_hash is 'Fingerprint of the views and macros.';
