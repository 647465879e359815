-- Time is milliseconds UTC; priority is 0 urgent … 3 low.

create table schema_info (
    version bigint not null,   -- of the newest migration
    oldest bigint not null     -- the oldest version of Baton's schema that may still run on this database
);
insert into schema_info (version, oldest) values (1, 1);

create table directive (
    id text primary key not null,
    owner text not null,
    body text not null,
    request text not null,               -- JSON: what was asked for, without the text
    priority bigint not null check (priority between 0 and 3),
    state text not null check (state in ('waiting', 'scheduled', 'queued', 'leased', 'completed', 'failed', 'dead', 'cancelled')),
    agent text not null,                 -- who alone may take it; '' for anybody
    tagged boolean not null,             -- whether rows of directive_tag follow its state
    parent text,
    created_at bigint not null,
    ready_at bigint not null,            -- when it is or was due; first in, first out goes by this
    unmet bigint not null,               -- dependencies that are not completed yet; -1 once one can no longer be
    needed bigint not null default 0,    -- how many others depend on it
    attempt bigint not null,             -- number of the latest delivery
    retry_count bigint not null,
    retry_reason text,                   -- what the text handed out says of the attempt before
    expiries bigint not null,            -- leases that ran out since the last report
    first_expired bigint not null,       -- number of the first delivery whose lease ran out; 0 for none
    lease_token text,                    -- of the latest delivery, unless its failure is retried
    lease_agent text,
    lease_session text,
    lease_ms bigint,
    leased_at bigint,
    lease_ends_at bigint,
    ended_at bigint,
    success boolean,                     -- of the final result; null as long as there is none
    result text,
    error text,
    execution_time double precision,
    metadata text                        -- JSON: of the final result
);
-- What is not due yet does not stand here, so that a claim looks at one entry whatever waits behind it.
create index directive_claim on directive (agent, priority, ready_at, id) where state = 'queued';
create index directive_due on directive (ready_at) where state = 'scheduled';
create index directive_lease on directive (lease_ends_at) where state = 'leased';
create index directive_doomed on directive (id) where state = 'waiting' and unmet < 0;
create index directive_waiting on directive (id) where state = 'waiting';
create index directive_result on directive (ended_at, id) where success is not null;
create index directive_cancelled on directive (ended_at) where state = 'cancelled';
create index directive_faulty on directive (state, id) where state in ('failed', 'dead', 'cancelled');
create index directive_parent on directive (parent, id) where parent is not null;

create table directive_tag (
    tag text not null,
    directive_id text not null references directive (id) on delete cascade,
    queued boolean not null,
    agent text not null,                 -- as in the directive's row, for the claim index
    priority bigint not null,
    ready_at bigint not null,
    primary key (tag, directive_id)
) without rowid;
create index directive_tag_of on directive_tag (directive_id);
create index directive_tag_claim on directive_tag (tag, agent, priority, ready_at, directive_id) where queued;

create table dependency (
    directive_id text not null references directive (id) on delete cascade,
    needs_id text not null,
    primary key (directive_id, needs_id)
) without rowid;
create index dependency_needs on dependency (needs_id);

-- Deliveries that ended without ending their directive; the present or last one stands in the directive's own row.
create table attempt (
    directive_id text not null references directive (id) on delete cascade,
    number bigint not null,
    token text not null,
    agent text,
    session text,
    leased_at bigint not null,
    lease_ends_at bigint not null,
    ended_at bigint not null,
    outcome text not null check (outcome in ('failed', 'expired')),
    report text,                         -- JSON: what was reported, if anything was
    primary key (directive_id, number)
) without rowid;

create table event (
    seq integer primary key autoincrement,
    kind text not null,
    owner text not null,
    directive_id text,
    at bigint not null,
    data text not null                   -- JSON
);
create index event_directive on event (directive_id, seq) where directive_id is not null;

create table idempotency (
    owner text not null,
    key text not null,
    body_hash text not null,
    directive_id text not null,
    created_at bigint not null,
    primary key (owner, key)
) without rowid;
create index idempotency_age on idempotency (created_at);

-- Results are counted as they come, so that asking costs the same however many there are. Slots spread writers that
-- would otherwise wait for one row.
create table result_count (
    day text not null,
    priority bigint not null,
    slot bigint not null,
    results bigint not null,
    succeeded bigint not null,
    timed bigint not null,               -- successes that carry a time
    seconds double precision not null,   -- the sum of those times
    primary key (day, priority, slot)
) without rowid;
create table failure_count (
    pattern text not null,
    slot bigint not null,
    results bigint not null,
    primary key (pattern, slot)
) without rowid;

create table monitoring (
    id bigint primary key not null check (id = 1),
    active boolean not null,
    session_id text,
    changed_at bigint not null
);
insert into monitoring (id, active, session_id, changed_at) values (1, false, null, 0);
create table agent (
    name text primary key not null,
    active boolean not null,
    changed_at bigint not null
) without rowid;
