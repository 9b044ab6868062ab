-- title: One day against the thirty before it, by model
-- param: day = yesterday
with r as (
  select *, coalesce(try_cast(:day as date), current_date - 1) as day from priced where operation = 'messages'),
d as (
  select _model(response_model, upstream_model, request_model) as model, started_at::date = day as that_day, prompt_tokens, cost_cache_write_usd, cost_output_usd, cost_list_usd
  from r where started_at >= day - 30 and started_at < day + 1)
select model, count(*) filter (that_day) as requests, count(*) filter (not that_day) / 30 as usual_requests,
       avg(prompt_tokens) filter (that_day) as prompt, avg(prompt_tokens) filter (not that_day) as usual_prompt,
       sum(cost_list_usd) filter (that_day) as list_usd, (sum(cost_list_usd) filter (not that_day) / 30)::decimal(18, 4) as usual_list_usd
from d
group by model
order by list_usd desc nulls last
