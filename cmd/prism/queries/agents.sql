-- title: What sub-agents and background calls cost, by class
select coalesce(request_class, 'not said') as class, count(distinct agent_id) as agents, count(*) as requests, sum(cost_usd) as cost_usd
from priced
where operation = 'messages'
group by class
order by cost_usd desc nulls last
