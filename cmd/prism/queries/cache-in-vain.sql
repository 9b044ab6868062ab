-- title: Cache writes that nobody read, and what they cost
select profile, model, never_read_tokens, usd(never_read_usd) as lost
from cache_efficiency()
where never_read_usd > 0
order by never_read_usd desc
