-- title: Requests with a prompt of more than 200,000 tokens
select started_at, profile, request_model, prompt_tokens, cost_usd, request_id
from priced
where prompt_tokens > 200000
order by cost_usd desc nulls last
