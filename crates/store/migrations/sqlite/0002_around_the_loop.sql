-- Tokens; who holds a lease; results counted by owner; webhooks and what is to be delivered to them; transcripts.
update schema_info set version = 2, oldest = 2;

create table token (
    id text primary key not null,
    principal text not null,             -- the owner of what is made with it
    hash text not null unique,           -- SHA-256 of the token as 64 hexadecimal digits
    scopes text not null,                -- JSON: list of words
    description text,
    created_at bigint not null,
    created_by text not null,
    expires_at bigint,
    revoked_at bigint,
    last_used_at bigint
);

-- Rows of the one principal that needs no token stand in no index by owner, so that they cost nothing.
create index directive_owner on directive (owner, id) where owner <> 'local';
create index directive_owner_open on directive (owner, state) where owner <> 'local' and ended_at is null;
create index directive_owner_result on directive (owner, ended_at, id) where owner <> 'local' and success is not null;

alter table directive add column lease_holder text; -- the principal that the latest delivery went to

create table attempt_2 (
    directive_id text not null references directive (id) on delete cascade,
    number bigint not null,
    token text not null,
    holder text,                         -- the principal that it went to
    agent text,
    session text,
    leased_at bigint not null,
    lease_ends_at bigint not null,
    ended_at bigint not null,
    outcome text not null check (outcome in ('failed', 'expired', 'released')),
    report text,                         -- JSON: what was reported, if anything was
    primary key (directive_id, number)
) without rowid;
insert into attempt_2 (directive_id, number, token, agent, session, leased_at, lease_ends_at, ended_at, outcome, report)
    select directive_id, number, token, agent, session, leased_at, lease_ends_at, ended_at, outcome, report from attempt;
drop table attempt;
alter table attempt_2 rename to attempt;

create table result_count_2 (
    owner text not null,
    day text not null,
    priority bigint not null,
    slot bigint not null,
    results bigint not null,
    succeeded bigint not null,
    timed bigint not null,               -- successes that carry a time
    seconds double precision not null,   -- the sum of those times
    primary key (owner, day, priority, slot)
) without rowid;
insert into result_count_2 (owner, day, priority, slot, results, succeeded, timed, seconds)
    select 'local', day, priority, slot, results, succeeded, timed, seconds from result_count;
drop table result_count;
alter table result_count_2 rename to result_count;

create table failure_count_2 (
    owner text not null,
    pattern text not null,
    slot bigint not null,
    results bigint not null,
    primary key (owner, pattern, slot)
) without rowid;
insert into failure_count_2 (owner, pattern, slot, results) select 'local', pattern, slot, results from failure_count;
drop table failure_count;
alter table failure_count_2 rename to failure_count;

create table webhook (
    id text primary key not null,
    owner text not null,
    url text not null,                   -- '' for the row that signs for the URLs in directives
    events text not null,                -- JSON: patterns of kinds
    everybody boolean not null,          -- whether it hears of other owners' directives too
    description text,
    secrets text not null,               -- sealed JSON: what signs, the newest first
    enabled boolean not null,
    reason text,                         -- why it is not enabled
    created_at bigint not null,
    changed_at bigint not null,
    unique (owner, url)
);

create table delivery (
    id text primary key not null,        -- the `webhook-id`: the same in each attempt
    owner text not null,
    webhook_id text not null references webhook (id) on delete cascade,
    lane text not null,                  -- what fails together: the endpoint, or the origin of a directive's own URL
    url text not null,
    kind text not null,
    directive_id text,
    body text not null,
    state text not null check (state in ('pending', 'delivered', 'dead')),
    attempts bigint not null,
    next_at bigint not null,
    created_at bigint not null,
    opened_at bigint not null,           -- when it was made or replayed: it is given up so long after this
    ended_at bigint,
    status bigint,                       -- of the latest attempt
    error text,
    answer text
);
create index delivery_lane on delivery (lane, next_at) where state = 'pending';
create index delivery_open on delivery (lane, opened_at) where state = 'pending';
create index delivery_webhook on delivery (webhook_id, id);
create index delivery_directive on delivery (directive_id) where directive_id is not null;
create index delivery_ended on delivery (ended_at) where ended_at is not null;

create table delivery_attempt (
    delivery_id text not null references delivery (id) on delete cascade,
    number bigint not null,
    at bigint not null,
    millis bigint not null,
    status bigint,
    error text,
    primary key (delivery_id, number)
) without rowid;

create table transcript (
    directive_id text not null references directive (id) on delete cascade,
    attempt bigint not null,
    start bigint not null,               -- bytes of the same attempt before these
    at bigint not null,
    text text not null,
    primary key (directive_id, attempt, start)
) without rowid;
create index transcript_age on transcript (at);
