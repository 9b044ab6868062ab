-- What the tables hold besides requests, and how far back the ledger goes.

alter table ledger_meta add column corrections ubigint;
alter table ledger_meta add column alerts ubigint;
alter table ledger_meta add column keep_from timestamptz;

comment on column ledger_meta.corrections is 'Rows of corrections after the fold.';
comment on column ledger_meta.alerts is 'Rows of alerts after the fold.';
comment on column ledger_meta.keep_from is 'Rows from before are not kept; NULL = everything is.';
