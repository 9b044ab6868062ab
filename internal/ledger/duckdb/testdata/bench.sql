-- Fills requests as two years of one busy user would: working days of twelve hours, four sessions side by side, each of forty
-- requests of which every fifth is a background call; four profiles, of which one reports its limits and one has no price.
-- Variables: n = number of rows, until = the instant before which the last of them lies.

insert into requests by name
with plan as (
  select i,
         getvariable('until') - interval 730 day + interval 8 hour
           + to_microseconds(((i * 730) // getvariable('n')) * 86_400_000_000 + ((i * 730) % getvariable('n')) * 43_200_000_000 // getvariable('n')) as started_at,
         (i // 160) * 4 + i % 4 as session,
         (i // 4) % 40 as turn
  from range(getvariable('n')) t(i)),
who as (
  select *, hash(session) as h, md5(i::varchar) as noise, md5('s' || session) as s, turn % 5 = 4 as background,
         'p' || lpad((hash(session) % 23)::varchar, 2, '0') as project
  from plan),
what as (
  select *,
         case when h % 10 < 5 then 'work' when h % 10 < 7 then 'home' when h % 10 < 9 then 'kimi' else 'local' end as profile,
         case when h % 10 < 7 then case when background then 'claude-haiku-4-5' when h % 3 = 0 then 'claude-opus-4-8' else 'claude-sonnet-4-6' end
              when h % 10 < 9 then case when background then 'kimi-k2.6' else 'kimi-k3' end
              else 'qwen3-coder' end as model,
         case when background then 900 + h % 300 else 12 + hash(i) % 40 end as input,
         case when background or turn = 0 then 0 else 22_000 + turn * 900 end as cached,
         case when background then 0 when turn = 0 then 22_900 else 900 + hash(i) % 200 end as written,
         120 + hash(i + 1) % 1800 as output, 300 + hash(i + 2) % 1500 as ttft
  from who),
priced_rows as (
  select *, profile in ('work', 'home') as claude,
         case model when 'claude-opus-4-8' then 5 when 'claude-sonnet-4-6' then 3 when 'claude-haiku-4-5' then 1 when 'kimi-k3' then 3 when 'kimi-k2.6' then 0.95 end::decimal(18, 10) as price,
         case model when 'claude-opus-4-8' then 25 when 'claude-sonnet-4-6' then 15 when 'claude-haiku-4-5' then 5 when 'kimi-k3' then 15 when 'kimi-k2.6' then 4 end::decimal(18, 10) as price_out,
         hash(i + 3) % 100 as luck
  from what),
parts as (
  select *, _line(input, price) as c_in, _line(cached, price * 0.1::decimal(2, 1)) as c_read,
         _line(written, price * 1.25::decimal(3, 2)) as c_write, _line(output, price_out) as c_out
  from priced_rows)
select upper(lpad(to_base(epoch_ms(started_at), 32), 10, '0') || noise[1:16]) as request_id,
       started_at, started_at + to_milliseconds(ttft + output * 15) as ended_at, 'proxy' as source, 1 + i // 5000 as generation,
       'box' as host_name, '0.3.0' as gateway_version,
       s[1:8] || '-' || s[9:12] || '-4' || s[14:16] || '-8' || s[18:20] || '-' || s[21:32] as session_id,
       case when turn % 7 = 3 then 'agent-' || s[1:8] end as agent_id,
       'claude-cli' as client_name, '2.1.' || (100 + i // 100_000) as client_version,
       case when background then 'auxiliary' else 'main' end as request_class,
       project, '/home/alice/src/' || project as cwd, 'feature/' || (h % 97) as git_branch,
       case when h % 4 = 0 then map {'team': 'blue'} end as tags,
       profile, case profile when 'kimi' then 'moonshot' when 'local' then 'local' else 'anthropic' end as provider,
       case profile when 'kimi' then 'api.moonshot.example:443' when 'local' then '127.0.0.1:11434' else 'api.anthropic.com:443' end as server_address,
       'active' as route_reason, case when luck = 99 then 'count_tokens' else 'messages' end as operation,
       model as request_model, model as upstream_model, model as response_model,
       'msg_01' || md5('m' || i)[1:22] as response_id, 'req_01' || md5('r' || i)[1:22] as upstream_request_id,
       case when luck < 60 then 'tool_use' when luck < 97 then 'end_turn' end as stop_reason, case when claude then 'standard' end as service_tier,
       true as stream, 32000 as max_tokens, case when luck = 98 then 529 else 200 end as http_status,
       case luck when 98 then 'error' when 97 then 'client_abort' else 'ok' end as outcome, case when luck = 98 then 'overloaded_error' end as error_type,
       case when luck < 98 then input end as input_tokens, case when luck < 98 then cached end as cache_read_tokens,
       case when luck < 98 then written end as cache_write_5m_tokens, case when luck < 98 then 0 end as cache_write_1h_tokens,
       case when luck < 98 then output end as output_tokens,
       case when luck < 98 then 'final' else 'none' end as usage_source,
       case when luck < 98 then json_object('input_tokens', input, 'cache_creation_input_tokens', written, 'cache_read_input_tokens', cached,
         'cache_creation', json_object('ephemeral_5m_input_tokens', written, 'ephemeral_1h_input_tokens', 0), 'output_tokens', output, 'service_tier', 'standard') end as usage_raw,
       case when luck < 98 then input + cached + written end as prompt_tokens,
       120 + hash(i) % 200 as overhead_us, ttft - 80 as ttfb_ms, ttft as ttft_ms, ttft + output * 15 as duration_ms, 40 + hash(i) % 900 as longest_gap_ms,
       30_000 + turn * 4000 + hash(i) % 1000 as request_bytes, output * 160 as response_bytes,
       [struct_pack(n := 1, profile := profile, server_address := null::varchar, model := model, started_at := started_at,
          http_status := case when luck = 98 then 529 else 200 end, error_type := null::varchar, ttfb_ms := ttft - 80, duration_ms := ttft + output * 15,
          outcome := case luck when 98 then 'error' else 'ok' end, maybe_billed := false,
          usage := case when luck < 98 then struct_pack(input_tokens := input, cache_read_tokens := cached, cache_write_5m_tokens := written,
            cache_write_1h_tokens := 0, output_tokens := output, reasoning_tokens := null, web_search_requests := null) end,
          cost_list_usd := case when luck < 98 then c_in + c_read + c_write + c_out end)] as attempts,
       case when luck < 98 and price is not null then case when claude then 'anthropic/' else 'moonshot/' end || model end as price_id,
       case when luck < 98 then c_in end as cost_input_usd, case when luck < 98 then c_read end as cost_cache_read_usd,
       case when luck < 98 then c_write end as cost_cache_write_usd, case when luck < 98 then c_out end as cost_output_usd,
       case when luck < 98 and price is not null then 0 end as cost_other_usd,
       case when luck < 98 then c_in + c_read + c_write + c_out end as cost_list_usd,
       case when luck < 98 then c_in + c_read + c_write + c_out end as cost_usd,
       case when luck < 98 then _line(input + cached + written, price) + c_out end as cost_uncached_usd,
       case when profile = 'work' then (epoch(started_at)::bigint % 18_000) / 20_000.0 end as rl_5h_used,
       case when profile = 'work' then to_timestamp((epoch(started_at)::bigint // 18_000 + 1) * 18_000) end as rl_5h_reset_at,
       2 as schema_version
from parts;
