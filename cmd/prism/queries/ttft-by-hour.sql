-- title: Time to the first token by hour of the day
select hour(started_at) as hour, count(*) as n, quantile_cont(ttft_ms, 0.95) as ttft_p95_ms
from requests
where stream and outcome = 'ok'
group by 1
order by 1
