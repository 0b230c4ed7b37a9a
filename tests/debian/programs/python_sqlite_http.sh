python3 - <<'P'
import sqlite3, tarfile, zipfile, shelve, pickle, configparser, xml.etree.ElementTree as E, html.parser, urllib.parse, email.message, gzip, bz2, lzma, logging, argparse, contextlib, inspect, dataclasses, enum, typing, traceback, threading, socketserver, os, io
c = sqlite3.connect('t.db'); c.execute('create table t(a integer primary key, b text)'); c.executemany('insert into t(b) values(?)', [(f'r{i}',) for i in range(1000)]); c.commit(); print(c.execute('select count(*), max(a), min(b) from t').fetchone()); c.execute('delete from t where a % 2'); c.rollback(); print(c.execute('select count(*) from t').fetchone(), c.execute('pragma integrity_check').fetchone()); c.close()
with tarfile.open('t.tgz', 'w:gz') as t: t.add('t.db')
print(tarfile.open('t.tgz').getnames()); s = shelve.open('sh'); s['k'] = [1, 2]; s.close(); print(shelve.open('sh')['k'], pickle.loads(pickle.dumps({1: (2, 3)})))
print(E.fromstring('<a><b x="1">t</b></a>').find('b').attrib, urllib.parse.urlencode({'q': 'a b'}), urllib.parse.urlparse('http://h:8/p?q#f').port); m = email.message.EmailMessage(); m['Subject'] = 's'; m.set_content('body'); print(str(m).splitlines()[0])
for z in gzip, bz2, lzma: print(len(z.decompress(z.compress(b'x' * 1000))))
class H(socketserver.StreamRequestHandler):
    def handle(self): self.wfile.write(self.rfile.readline().upper())
srv = socketserver.ThreadingUnixStreamServer('so', H); threading.Thread(target=srv.serve_forever, daemon=True).start()
import socket; k = socket.socket(socket.AF_UNIX); k.connect('so'); k.sendall(b'ask\n'); print(k.recv(10)); k.close(); srv.shutdown(); os.unlink('so')
@dataclasses.dataclass(order=True)
class P: x: int; y: int = 2
print(P(1), P(1) < P(2), enum.Enum('C', 'R G')['G'].value); logging.basicConfig(stream=__import__('sys').stdout, format='%(levelname)s %(message)s'); logging.warning('w')
P
rm -f t.db t.tgz sh* so
