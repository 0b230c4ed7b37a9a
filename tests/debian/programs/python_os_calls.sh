python3 - <<'P'
import os, stat, fcntl, mmap, resource, select, socket, tempfile, errno, shutil, pathlib, array, signal, time
f = os.open('f', os.O_RDWR | os.O_CREAT, 0o640); print(os.write(f, b'0123456789'), os.pread(f, 3, 4), os.lseek(f, -2, os.SEEK_END), os.read(f, 9), os.pwritev(f, [b'a', b'b'], 1), os.preadv(f, [bytearray(4)], 0)); os.ftruncate(f, 4); print(os.fstat(f).st_size)
os.posix_fallocate(f, 0, 100); print(os.fstat(f).st_size, os.sendfile(os.open('g', os.O_WRONLY | os.O_CREAT), f, 0, 4), os.stat('g').st_size)
m = mmap.mmap(f, 100); m[0:5] = b'mmapd'; m.flush(); print(os.pread(f, 5, 0), m.find(b'pd')); m.close()
fcntl.flock(f, fcntl.LOCK_EX); print(fcntl.fcntl(f, fcntl.F_GETFL) & os.O_ACCMODE, fcntl.fcntl(f, fcntl.F_GETFD)); fcntl.lockf(f, fcntl.LOCK_EX, 10)
r, w = os.pipe2(os.O_NONBLOCK)
try: os.read(r, 1)
except BlockingIOError as e: print(errno.errorcode[e.errno])
a, b = socket.socketpair(); a.send(b'x'); print(select.select([b, r], [w], [], 0)[0] == [b]); a.shutdown(socket.SHUT_WR); print(b.recv(9), b.recv(9))
socket.send_fds(b, [b'fd'], [f]); print([len(x) if i == 1 else x for i, x in enumerate(socket.recv_fds(a, 9, 1)[:2])])
ep = select.epoll(); ep.register(r, select.EPOLLIN | select.EPOLLET); os.write(w, b'1'); print(ep.poll(1)[0][1], ep.poll(0)); p = select.poll(); p.register(r, select.POLLIN); print(p.poll(0)[0][1])
print(os.get_inheritable(r), os.dup2(r, 50), os.access('f', os.W_OK), stat.filemode(os.stat('f').st_mode), os.path.samefile('f', './f')); os.link('f', 'h'); os.symlink('f', 's'); print(os.stat('f').st_nlink, os.readlink('s'), os.lstat('s').st_size); os.rename('h', 'i'); os.replace('i', 's')
os.makedirs('d/e'); print(sorted(x.name for x in os.scandir('.')), [d for d, _, _ in os.walk('d')], os.statvfs('.').f_namemax); shutil.copytree('d', 'd2'); shutil.rmtree('d2'); print(pathlib.Path('d').exists(), list(map(str, pathlib.Path('.').glob('d/*'))))
t = tempfile.TemporaryDirectory(); print(os.path.isdir(t.name)); t.cleanup(); os.utime('f', (1, 2)); print(os.stat('f').st_mtime_ns); os.setxattr('f', 'user.k', b'v'); print(os.listxattr('f'), os.getxattr('f', 'user.k')); print(os.getpriority(0, 0), os.nice(3), resource.getrlimit(resource.RLIMIT_CORE)[0] >= -1, os.sched_getaffinity(0) != set(), os.cpu_count() > 0, os.getloadavg()[0] >= 0)
e = os.eventfd(3); print(os.eventfd_read(e)); mfd = os.memfd_create('m'); os.write(mfd, b'mem'); print(os.pread(mfd, 9, 0), os.copy_file_range(mfd, f, 3, 0, 0), os.pread(f, 3, 0)); print(os.waitstatus_to_exitcode(os.spawnlp(os.P_WAIT, 'sh', 'sh', '-c', 'exit 6') << 8), os.WIFSIGNALED(os.system('kill -9 $$')), signal.strsignal(9)); pid = os.posix_spawn('/bin/true', ['true'], {}); print(os.waitid(os.P_PID, pid, os.WEXITED).si_status, os.umask(0o22), os.uname().sysname, os.ctermid(), os.getgroups() is not None, time.clock_getres(time.CLOCK_MONOTONIC) < 1)
P
rm -rf f g s d; ls
