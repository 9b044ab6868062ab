-- Which key of a profile an attempt used and why it was made, and what became of the health of profiles.

alter table requests add column attempts.element.key varchar;
alter table requests add column attempts.element.why varchar;

create table health_events (
  event_at   timestamptz,
  profile    varchar,
  key        varchar,
  from_state varchar,
  to_state   varchar,
  why        varchar,
  until      timestamptz
);

comment on table health_events is 'One row per change of the health of a profile, or of one of its keys.';
comment on column health_events.event_at is 'When it happened.';
comment on column health_events.profile is 'The profile.';
comment on column health_events.key is 'Name of the key; NULL = the whole profile.';
comment on column health_events.from_state is 'ok, cooling, open, probing, denied.';
comment on column health_events.to_state is 'ok, cooling (it asked to be left alone), open (it failed too often), probing (one request looks whether it answers again), denied (it refuses the key).';
comment on column health_events.why is 'Error type, or what it asked for.';
comment on column health_events.until is 'When it is looked at again.';

alter table ledger_meta add column health_events ubigint;

comment on column ledger_meta.health_events is 'Rows of health_events after the fold.';
