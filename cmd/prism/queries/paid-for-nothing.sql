-- title: What was paid for answers that did not arrive whole
select outcome, count(*) as n, sum(cost_usd) as cost_usd
from priced
where outcome in ('client_abort', 'truncated', 'crashed')
group by 1
