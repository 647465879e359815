-- A database that schema version 1 made: its server was given eight directives and some results, then stopped.
pragma foreign_keys = off;
BEGIN TRANSACTION;
CREATE TABLE agent (
    name text primary key not null,
    active boolean not null,
    changed_at bigint not null
) without rowid;
CREATE TABLE attempt (
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
INSERT INTO "attempt" VALUES('01a1f90d-56ed-7000-b400-e66a0038a047',1,'59e16283c90d94a15aed962f626c3ac7','claude',NULL,1795179763445,1795183363444,1795179763447,'failed','{"directive_id":"01a1f90d-56ed-7000-b400-e66a0038a047","success":false,"result":"first","error":"flaky","lease_token":"59e16283c90d94a15aed962f626c3ac7"}');
CREATE TABLE dependency (
    directive_id text not null references directive (id) on delete cascade,
    needs_id text not null,
    primary key (directive_id, needs_id)
) without rowid;
INSERT INTO "dependency" VALUES('01a1f90d-5700-7000-b503-9c9444c1e30f','01a1f90d-56f1-7000-ade7-6e232f81cee9');
CREATE TABLE directive (
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
INSERT INTO "directive" VALUES('01a1f90d-56ec-7000-ab0b-6009627b46e1','local','Completed at once','{"directive":"","idempotency_key":"k1","metadata":{"n":1},"priority":"high","tags":["old"]}',1,'completed','',1,NULL,1795179763436,1795179763436,0,0,1,0,NULL,0,0,'135676fd981f8eeeb805b71aba66b750','claude',NULL,3600000,1795179763444,1795183363443,1795179763445,1,'done',NULL,1.5,'{"who":"me"}');
INSERT INTO "directive" VALUES('01a1f90d-56ed-7000-b400-e66a0038a047','local','Fails, then is retried','{"directive":"","max_retries":2,"retry_delay":0.0,"retry_on_failure":true}',2,'completed','',0,NULL,1795179763437,1795179763447,0,0,2,1,'flaky',0,0,'cce4a0bab1ee1ded7fceac7c32afa82e','claude',NULL,3600000,1795179763448,1795183363447,1795179763451,1,'second time',NULL,2.5,NULL);
INSERT INTO "directive" VALUES('01a1f90d-56ef-7000-afc9-a827fabf86bb','local','Fails for good','{"directive":"","priority":"urgent"}',0,'failed','',0,NULL,1795179763439,1795179763439,0,0,1,0,NULL,0,0,'1d459c8eb583ed0c4c5426bd148c827c','claude',NULL,3600000,1795179763442,1795183363441,1795179763444,0,'no','timeout in build',NULL,NULL);
INSERT INTO "directive" VALUES('01a1f90d-56f0-7000-9294-39f2633f3643','local','Cancelled','{"directive":"","priority":"low"}',3,'cancelled','',0,NULL,1795179763440,1795179763440,0,0,0,0,NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,1795179763453,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "directive" VALUES('01a1f90d-56f1-7000-ade7-6e232f81cee9','local','Waits for the leased one','{"directive":""}',2,'leased','',0,NULL,1795179763441,1795179763441,0,1,1,0,NULL,0,0,'1fb9a877d4e6ed3d0be391a730174a1f','claude',NULL,3600000,1795179763447,1795183363446,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "directive" VALUES('01a1f90d-56fe-7000-bf90-161927f58ffb','local','Queued','{"directive":"","follow_up_rules":[{"condition":"success","delay_seconds":0.0,"next_directive":"More","priority":"medium"}],"tags":["old"]}',2,'queued','',1,NULL,1795179763454,1795179763454,0,0,0,0,NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "directive" VALUES('01a1f90d-5700-7000-b503-9c9444c1e30f','local','Waiting','{"directive":""}',2,'waiting','',0,NULL,1795179763456,1795179763456,1,0,0,0,NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "directive" VALUES('01a1f90d-5701-7000-8836-e9af1e3c1858','local','Scheduled','{"delay_seconds":86400000.0,"directive":""}',2,'scheduled','',0,NULL,1795179763457,1881579763457,0,0,0,0,NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE directive_tag (
    tag text not null,
    directive_id text not null references directive (id) on delete cascade,
    queued boolean not null,
    agent text not null,                 -- as in the directive's row, for the claim index
    priority bigint not null,
    ready_at bigint not null,
    primary key (tag, directive_id)
) without rowid;
INSERT INTO "directive_tag" VALUES('old','01a1f90d-56ec-7000-ab0b-6009627b46e1',0,'',1,1795179763436);
INSERT INTO "directive_tag" VALUES('old','01a1f90d-56fe-7000-bf90-161927f58ffb',1,'',2,1795179763454);
CREATE TABLE event (
    seq integer primary key autoincrement,
    kind text not null,
    owner text not null,
    directive_id text,
    at bigint not null,
    data text not null                   -- JSON
);
INSERT INTO "event" VALUES(1,'directive.queued','local','01a1f90d-56ec-7000-ab0b-6009627b46e1',1795179763436,'{"priority":"high"}');
INSERT INTO "event" VALUES(2,'directive.queued','local','01a1f90d-56ed-7000-b400-e66a0038a047',1795179763437,'{"priority":"medium"}');
INSERT INTO "event" VALUES(3,'directive.queued','local','01a1f90d-56ef-7000-afc9-a827fabf86bb',1795179763439,'{"priority":"urgent"}');
INSERT INTO "event" VALUES(4,'directive.queued','local','01a1f90d-56f0-7000-9294-39f2633f3643',1795179763440,'{"priority":"low"}');
INSERT INTO "event" VALUES(5,'directive.queued','local','01a1f90d-56f1-7000-ade7-6e232f81cee9',1795179763441,'{"priority":"medium"}');
INSERT INTO "event" VALUES(6,'directive.leased','local','01a1f90d-56ef-7000-afc9-a827fabf86bb',1795179763442,'{"agent":"claude","attempt":1}');
INSERT INTO "event" VALUES(7,'directive.failed','local','01a1f90d-56ef-7000-afc9-a827fabf86bb',1795179763444,'{"attempt":1,"success":false}');
INSERT INTO "event" VALUES(8,'directive.leased','local','01a1f90d-56ec-7000-ab0b-6009627b46e1',1795179763444,'{"agent":"claude","attempt":1}');
INSERT INTO "event" VALUES(9,'directive.completed','local','01a1f90d-56ec-7000-ab0b-6009627b46e1',1795179763445,'{"attempt":1,"success":true}');
INSERT INTO "event" VALUES(10,'directive.leased','local','01a1f90d-56ed-7000-b400-e66a0038a047',1795179763445,'{"agent":"claude","attempt":1}');
INSERT INTO "event" VALUES(11,'directive.retry_scheduled','local','01a1f90d-56ed-7000-b400-e66a0038a047',1795179763447,'{"attempt":1,"due_at":"2026-11-20T13:02:43.447+00:00","retry_count":1}');
INSERT INTO "event" VALUES(12,'directive.leased','local','01a1f90d-56f1-7000-ade7-6e232f81cee9',1795179763447,'{"agent":"claude","attempt":1}');
INSERT INTO "event" VALUES(13,'directive.leased','local','01a1f90d-56ed-7000-b400-e66a0038a047',1795179763448,'{"agent":"claude","attempt":2}');
INSERT INTO "event" VALUES(14,'directive.completed','local','01a1f90d-56ed-7000-b400-e66a0038a047',1795179763451,'{"attempt":2,"success":true}');
INSERT INTO "event" VALUES(15,'directive.cancelled','local','01a1f90d-56f0-7000-9294-39f2633f3643',1795179763453,'{"attempt":0}');
INSERT INTO "event" VALUES(16,'directive.queued','local','01a1f90d-56fe-7000-bf90-161927f58ffb',1795179763454,'{"priority":"medium"}');
INSERT INTO "event" VALUES(17,'directive.scheduled','local','01a1f90d-5700-7000-b503-9c9444c1e30f',1795179763456,'{"priority":"medium"}');
INSERT INTO "event" VALUES(18,'directive.scheduled','local','01a1f90d-5701-7000-8836-e9af1e3c1858',1795179763457,'{"priority":"medium"}');
CREATE TABLE failure_count (
    pattern text not null,
    slot bigint not null,
    results bigint not null,
    primary key (pattern, slot)
) without rowid;
INSERT INTO "failure_count" VALUES('timeout',0,1);
CREATE TABLE idempotency (
    owner text not null,
    key text not null,
    body_hash text not null,
    directive_id text not null,
    created_at bigint not null,
    primary key (owner, key)
) without rowid;
INSERT INTO "idempotency" VALUES('local','k1','4b85e3136bc25ba07bae86a4a9e84826979e4edb0ac51999c6699d790e90ed35','01a1f90d-56ec-7000-ab0b-6009627b46e1',1795179763436);
CREATE TABLE monitoring (
    id bigint primary key not null check (id = 1),
    active boolean not null,
    session_id text,
    changed_at bigint not null
);
INSERT INTO "monitoring" VALUES(1,1,'01a1f90d-56fc-7000-8a8a-f95e5ba2bc2a',1795179763452);
CREATE TABLE refinery_schema_history(
             version int4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));
INSERT INTO "refinery_schema_history" VALUES(1,'directives','2026-11-20T13:02:42.183561954Z','16002506631018775713');
CREATE TABLE result_count (
    day text not null,
    priority bigint not null,
    slot bigint not null,
    results bigint not null,
    succeeded bigint not null,
    timed bigint not null,               -- successes that carry a time
    seconds double precision not null,   -- the sum of those times
    primary key (day, priority, slot)
) without rowid;
INSERT INTO "result_count" VALUES('2026-11-20',0,0,1,0,0,0.0);
INSERT INTO "result_count" VALUES('2026-11-20',1,0,1,1,1,1.5);
INSERT INTO "result_count" VALUES('2026-11-20',2,0,1,1,1,2.5);
CREATE TABLE schema_info (
    version bigint not null,   -- of the newest migration
    oldest bigint not null     -- the oldest version of Baton's schema that may still run on this database
);
INSERT INTO "schema_info" VALUES(1,1);
CREATE INDEX directive_claim on directive (agent, priority, ready_at, id) where state = 'queued';
CREATE INDEX directive_due on directive (ready_at) where state = 'scheduled';
CREATE INDEX directive_lease on directive (lease_ends_at) where state = 'leased';
CREATE INDEX directive_doomed on directive (id) where state = 'waiting' and unmet < 0;
CREATE INDEX directive_waiting on directive (id) where state = 'waiting';
CREATE INDEX directive_result on directive (ended_at, id) where success is not null;
CREATE INDEX directive_cancelled on directive (ended_at) where state = 'cancelled';
CREATE INDEX directive_faulty on directive (state, id) where state in ('failed', 'dead', 'cancelled');
CREATE INDEX directive_parent on directive (parent, id) where parent is not null;
CREATE INDEX directive_tag_of on directive_tag (directive_id);
CREATE INDEX directive_tag_claim on directive_tag (tag, agent, priority, ready_at, directive_id) where queued;
CREATE INDEX dependency_needs on dependency (needs_id);
CREATE INDEX event_directive on event (directive_id, seq) where directive_id is not null;
CREATE INDEX idempotency_age on idempotency (created_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('event',18);
COMMIT;
