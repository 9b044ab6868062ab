-- title: Why a cached prefix had to be paid again, last 30 days
select cause, count(*) as n, sum(rebilled_tokens) as tokens, usd(sum(extra_usd)) as cost
from cache_breaks
where started_at >= current_date - 30
group by cause
