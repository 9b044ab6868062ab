-- title: List price and what was paid, by profile and month
select date_trunc('month', started_at) as month, profile, sum(cost_list_usd) as list_usd, sum(cost_usd) as paid_usd,
       count(*) filter (_unpriced(operation, usage_source, cost_list_usd)) as unpriced
from priced
where operation = 'messages'
group by all
order by month desc, list_usd desc nulls last
