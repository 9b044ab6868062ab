-- title: What was spent under each generation of the table
select c.generation, c.event_at, c.trigger, c.changed, count(r.request_id) as requests, sum(r.cost_usd) as cost_usd
from config_events c
left join priced r using (generation)
where c.accepted
group by all
order by c.generation desc
