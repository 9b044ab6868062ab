-- title: What the client repeated, why, and what the first try cost
select prev_profile as profile, prev_error_type as because, prev_http_status as status, count(*) as n, count(*) filter (outcome = 'ok') as then_ok,
       median(waited_ms) as waited_ms, sum(prev_cost_usd) as first_try_usd
from client_retries
group by all
order by n desc
