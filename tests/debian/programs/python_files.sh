cat > t.py <<'P'
import os, tempfile, shutil, fcntl, mmap, stat, glob, pathlib, sqlite3, tarfile, zipfile, gzip, errno, select
d = pathlib.Path('d'); (d/'e').mkdir(parents=True); (d/'a.txt').write_text('x'*10); (d/'l').symlink_to('a.txt')
print(sorted(str(p) for p in d.rglob('*')), (d/'l').resolve().name, oct(os.stat(d/'a.txt').st_mode))
shutil.copytree('d','c', symlinks=True); shutil.move('c/a.txt','c/b.txt'); print(sorted(os.listdir('c')))
with open('m','w+b') as f:
    f.truncate(8192); m = mmap.mmap(f.fileno(), 8192); m[5000:5003] = b'abc'; m.flush(); print(m.find(b'abc')); m.close(); f.seek(5000); print(f.read(3))
m = mmap.mmap(-1, 4096); m.write(b'anon'); print(m[:4])
with open('m','r+b') as f: fcntl.flock(f, fcntl.LOCK_EX); fcntl.lockf(f, fcntl.LOCK_EX|fcntl.LOCK_NB); print('locked')
os.utime('m', (1, 2)); print(os.stat('m').st_mtime); os.chmod('m', 0o600); os.rename('m','n')
fd = os.open('n', os.O_RDWR|os.O_APPEND); print(os.pread(fd, 3, 5000), os.pwrite(fd, b'zz', 0), os.lseek(fd, 0, os.SEEK_END)); os.close(fd)
print(os.get_terminal_size.__name__, os.access('n', os.W_OK), os.umask(0o77)); open('u','w'); print(oct(os.stat('u').st_mode & 0o777))
with tarfile.open('t.tar.gz','w:gz') as t: t.add('d')
print(tarfile.open('t.tar.gz').getnames()); zipfile.ZipFile('z.zip','w').write('n'); print(zipfile.ZipFile('z.zip').testzip()); os.remove('t.tar.gz'); os.remove('z.zip')
c = sqlite3.connect('db'); c.execute('create table t(a,b)'); c.executemany('insert into t values(?,?)', [(i,str(i)) for i in range(100)]); c.commit(); print(c.execute('select sum(a),count(*) from t').fetchone()); c.close(); os.remove('db')
try: open('/nowhere/x')
except OSError as e: print(errno.errorcode[e.errno])
try: os.setxattr('n','user.k',b'v'); print(os.getxattr('n','user.k'), os.listxattr('n')); os.removexattr('n','user.k')
except OSError as e: print('xattr', e)
print(os.sched_getaffinity(0) == set(range(os.cpu_count())), os.copy_file_range.__name__); p = select.poll(); r,w = os.pipe(); p.register(r); print(p.poll(10)); os.write(w,b'x'); print(len(p.poll(10)))
P
python3 t.py
