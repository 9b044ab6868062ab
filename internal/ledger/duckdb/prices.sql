-- Today's price book. It is replaced whole when it changed; the views survive that, the comments do not.

create or replace table prices (
  id                      varchar,
  layer                   tinyint,
  profile                 varchar,
  provider                varchar,
  model_match             varchar,
  effective_from          timestamptz,
  effective_to            timestamptz,
  input                   decimal(18, 10),
  output                  decimal(18, 10),
  cache_read              decimal(18, 10),
  cache_write_5m          decimal(18, 10),
  cache_write_1h          decimal(18, 10),
  tier_over_prompt_tokens bigint,
  tier_input              decimal(18, 10),
  tier_output             decimal(18, 10),
  tier_cache_read         decimal(18, 10),
  tier_cache_write_5m     decimal(18, 10),
  tier_cache_write_1h     decimal(18, 10),
  peak_windows_utc        varchar[],
  peak_days               tinyint[],
  peak_input              decimal(18, 10),
  peak_output             decimal(18, 10),
  peak_cache_read         decimal(18, 10),
  peak_cache_write_5m     decimal(18, 10),
  peak_cache_write_1h     decimal(18, 10),
  fast_input              decimal(18, 10),
  fast_output             decimal(18, 10),
  fast_cache_read         decimal(18, 10),
  fast_cache_write_5m     decimal(18, 10),
  fast_cache_write_1h     decimal(18, 10),
  batch_multiplier        decimal(8, 4),
  geo_multiplier          decimal(8, 4),
  web_search_per_1k       decimal(18, 10),
  notes                   varchar,
  source                  varchar,
  confidence              varchar
);

comment on table prices is 'Today''s price book, USD per million tokens.';
comment on column prices.id is 'Identity of the row; never changes its meaning.';
comment on column prices.layer is '0 = override of one profile, 1 = row of the user, 2 = embedded.';
comment on column prices.profile is 'Profile that the row is for; layer 0 only.';
comment on column prices.provider is 'Provider.';
comment on column prices.model_match is 'Glob on the model name.';
comment on column prices.effective_from is 'In force from; NULL = always.';
comment on column prices.effective_to is 'In force until just before; NULL = open.';
comment on column prices.input is 'USD per million tokens of uncached input.';
comment on column prices.output is 'USD per million tokens of output.';
comment on column prices.cache_read is 'USD per million tokens of cache reads.';
comment on column prices.cache_write_5m is 'USD per million tokens of five-minute cache writes.';
comment on column prices.cache_write_1h is 'USD per million tokens of one-hour cache writes.';
comment on column prices.tier_over_prompt_tokens is 'Longer prompts pay the tier prices, for the whole request.';
comment on column prices.tier_input is 'The same for long prompts: uncached input.';
comment on column prices.tier_output is 'The same for long prompts: output.';
comment on column prices.tier_cache_read is 'The same for long prompts: cache reads.';
comment on column prices.tier_cache_write_5m is 'The same for long prompts: five-minute cache writes.';
comment on column prices.tier_cache_write_1h is 'The same for long prompts: one-hour cache writes.';
comment on column prices.peak_windows_utc is 'Peak hours, such as 01:00-04:00.';
comment on column prices.peak_days is 'ISO days of the peak hours, 1 = Monday; NULL = every day.';
comment on column prices.peak_input is 'The same in peak hours: uncached input.';
comment on column prices.peak_output is 'The same in peak hours: output.';
comment on column prices.peak_cache_read is 'The same in peak hours: cache reads.';
comment on column prices.peak_cache_write_5m is 'The same in peak hours: five-minute cache writes.';
comment on column prices.peak_cache_write_1h is 'The same in peak hours: one-hour cache writes.';
comment on column prices.fast_input is 'The same at speed fast: uncached input.';
comment on column prices.fast_output is 'The same at speed fast: output.';
comment on column prices.fast_cache_read is 'The same at speed fast: cache reads.';
comment on column prices.fast_cache_write_5m is 'The same at speed fast: five-minute cache writes.';
comment on column prices.fast_cache_write_1h is 'The same at speed fast: one-hour cache writes.';
comment on column prices.batch_multiplier is 'Factor at service tier batch.';
comment on column prices.geo_multiplier is 'Factor at inference_geo us.';
comment on column prices.web_search_per_1k is 'USD per 1,000 web searches.';
comment on column prices.notes is 'Remarks.';
comment on column prices.source is 'Where the prices were read.';
comment on column prices.confidence is 'How far to trust them.';
