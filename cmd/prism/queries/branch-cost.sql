-- title: What each branch of a project cost
-- param: project = %
select project, git_branch, count(distinct session_id) as sessions, count(*) as requests, count(*) filter (cost_usd is null) as without_cost,
       sum(cost_usd) as cost_usd, min(started_at) as first_at, max(started_at) as last_at
from priced
where project like :project
group by all
order by cost_usd desc nulls last
