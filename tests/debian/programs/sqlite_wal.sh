sqlite3 db 'PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1),(2);'
sqlite3 db 'SELECT sum(a) FROM t' ; sqlite3 db "INSERT INTO t VALUES(3)" ; wait
sqlite3 -json db 'SELECT * FROM t'; sqlite3 db .dump; sqlite3 db 'PRAGMA wal_checkpoint(TRUNCATE); PRAGMA integrity_check'; rm -f db*
