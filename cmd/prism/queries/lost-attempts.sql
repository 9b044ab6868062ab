-- title: Attempts that did not end well, and what they cost
select profile, count(*) as tries, sum(cost_list_usd) as cost_list_usd, count(*) filter (maybe_billed and cost_list_usd is null) as maybe_billed
from attempts
where outcome <> 'ok'
group by 1
order by 2 desc
