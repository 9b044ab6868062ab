-- title: Failed attempts and the minutes they fell into, by profile
select profile, count(distinct date_trunc('minute', started_at)) as minutes, count(*) as failed_attempts
from attempts
where outcome <> 'ok'
group by 1
order by 2 desc
