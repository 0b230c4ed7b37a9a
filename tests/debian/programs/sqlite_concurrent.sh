sqlite3 t.db 'create table t(i integer); pragma journal_mode=wal' ; for p in 1 2 3 4; do (for i in $(seq 10); do sqlite3 t.db ".timeout 20000" "insert into t values($p*100+$i)"; done) & done; wait; sqlite3 t.db 'select count(*), sum(i) from t; pragma integrity_check'; sqlite3 t.db 'pragma journal_mode=delete'; (sqlite3 t.db "begin exclusive; insert into t values(1);" ".system sleep 0.6" "commit") & sleep 0.2; sqlite3 t.db 'insert into t values(2)' 2>&1; sqlite3 t.db '.timeout 20000' 'insert into t values(3)' && echo waited; wait; sqlite3 t.db 'select count(*) from t'; python3 - <<'P'
import sqlite3, threading
def work(n):
    c = sqlite3.connect('t.db', timeout=30)
    for i in range(20):
        with c: c.execute('insert into t values(?)', (n,))
    c.close()
ts = [threading.Thread(target=work, args=(1000 + i,)) for i in range(3)]; [t.start() for t in ts]; [t.join() for t in ts]
print(sqlite3.connect('t.db').execute('select count(*) from t where i >= 1000').fetchone())
P
rm -f t.db*
