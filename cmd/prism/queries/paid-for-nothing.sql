-- title: What was paid for answers that did not arrive whole
select outcome, count(*) as n, sum(cost_usd) as cost_usd
from priced
where outcome in ('client_abort', 'truncated', 'crashed') or outcome in ('error', 'shutdown') and (prompt_tokens is not null or cost_usd > 0)
group by 1
