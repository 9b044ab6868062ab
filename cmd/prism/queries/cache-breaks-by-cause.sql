-- title: Why a cached prefix had to be paid for again, last 30 days
select cause, count(*) as n, sum(rebilled_tokens) as tokens, sum(extra_usd) as cost_usd
from cache_breaks()
group by cause
order by cost_usd desc nulls last
