-- title: The twenty most expensive sessions
from sessions
order by cost_usd desc nulls last limit 20
