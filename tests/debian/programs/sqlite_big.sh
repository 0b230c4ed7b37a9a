sqlite3 db <<'Q'
PRAGMA journal_mode=DELETE;
CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT, v REAL);
BEGIN;
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<100000) INSERT INTO t SELECT n, 'key'||(n*7919%100000), n*0.5 FROM c;
COMMIT;
CREATE INDEX i ON t(k);
SELECT count(*), sum(v), min(k), max(k) FROM t;
SELECT id FROM t WHERE k='key777';
BEGIN; DELETE FROM t WHERE id%2=0; ROLLBACK;
BEGIN; UPDATE t SET v=-v WHERE id<=10; COMMIT;
SELECT sum(v) FROM t;
PRAGMA integrity_check;
Q
sqlite3 db 'VACUUM; SELECT count(*) FROM t;'; ls; rm db
