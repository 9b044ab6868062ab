-- What is billed beside the top level of a usage, repeats of the client, corrected costs, and what budgets and alerts did.

alter table requests add column iterations struct(type varchar, model varchar, input_tokens bigint, cache_read_tokens bigint,
  cache_write_5m_tokens bigint, cache_write_1h_tokens bigint, output_tokens bigint, reasoning_tokens bigint, web_search_requests integer,
  price_id varchar, cost_list_usd decimal(18, 10))[];
alter table requests add column retry_of varchar;
alter table requests add column retry_count integer;

comment on column requests.iterations is 'Parts billed beside the top level of the usage, such as a compaction or an advisor, each priced at its own model; their sum is in cost_other_usd.';
comment on column requests.retry_of is 'Exchange that the client repeats with this one.';
comment on column requests.retry_count is 'How often the client says it tried before.';
comment on column requests.cost_other_usd is 'List price of everything else, such as web searches and iterations, USD.';

create table corrections (
  request_id           varchar,
  corrected_at         timestamptz,
  reason               varchar,
  price_id             varchar,
  cost_input_usd       decimal(18, 10),
  cost_cache_read_usd  decimal(18, 10),
  cost_cache_write_usd decimal(18, 10),
  cost_output_usd      decimal(18, 10),
  cost_other_usd       decimal(18, 10),
  cost_list_usd        decimal(18, 10),
  cost_usd             decimal(18, 10),
  cost_uncached_usd    decimal(18, 10)
);

comment on table corrections is 'Costs that replace those of a row of requests; the newest one of a request counts. The view priced applies them.';
comment on column corrections.request_id is 'The exchange that is corrected.';
comment on column corrections.corrected_at is 'When it was corrected.';
comment on column corrections.reason is 'Why: reprice.';
comment on column corrections.price_id is 'Row of the price book used; NULL = unpriced.';
comment on column corrections.cost_input_usd is 'List price of the uncached input, USD.';
comment on column corrections.cost_cache_read_usd is 'List price of the cache reads, USD.';
comment on column corrections.cost_cache_write_usd is 'List price of the cache writes, USD.';
comment on column corrections.cost_output_usd is 'List price of the output, USD.';
comment on column corrections.cost_other_usd is 'List price of everything else, USD.';
comment on column corrections.cost_list_usd is 'Sum of the list prices, USD.';
comment on column corrections.cost_usd is 'What is paid, USD.';
comment on column corrections.cost_uncached_usd is 'What the same tokens would have cost without caching, USD.';

create table alerts (
  event_at     timestamptz,
  name         varchar,
  rule         varchar,
  scope        varchar,
  period       varchar,
  period_start timestamptz,
  state        varchar,
  action       varchar,
  amount_usd   decimal(18, 10),
  limit_usd    decimal(18, 10),
  value        varchar,
  message      varchar
);

comment on table alerts is 'One row per change of state of a budget or an alert.';
comment on column alerts.event_at is 'When it happened.';
comment on column alerts.name is 'Name of the budget or the alert.';
comment on column alerts.rule is 'budget or query.';
comment on column alerts.scope is 'What it counts: all, profile:NAME, project:NAME, tag:KEY=VALUE.';
comment on column alerts.period is 'day, week, month; NULL = none.';
comment on column alerts.period_start is 'Beginning of the period.';
comment on column alerts.state is 'reached, warned, blocked, fallback, cleared, failed.';
comment on column alerts.action is 'notify, block, fallback.';
comment on column alerts.amount_usd is 'Amount spent in the period, USD.';
comment on column alerts.limit_usd is 'Limit of the budget, USD.';
comment on column alerts.value is 'What the query gave.';
comment on column alerts.message is 'What was said.';
