-- title: What each profile would have cost at another model's price
-- param: model = claude-opus-5-5
-- param: provider = anthropic
select profile, was_model, requests, cost_usd, what_if_usd, what_if_usd - cost_usd as saved_usd, not_compared
from what_if(:model, :provider)
order by saved_usd desc nulls last
