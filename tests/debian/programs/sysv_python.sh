python3 - <<'P'
import ctypes, os, multiprocessing, multiprocessing.shared_memory as sm, signal
s = sm.SharedMemory(create=True, size=1000, name='case'); s.buf[:5] = b'hello'
t = sm.SharedMemory(name='case'); print(bytes(t.buf[:5]), os.listdir('/dev/shm')); t.close(); s.close(); s.unlink(); print(os.listdir('/dev/shm'))
sem = multiprocessing.Semaphore(2); print(sem.acquire(False), sem.acquire(False), sem.acquire(False)); sem.release(); print(sem.acquire(timeout=0.1))
a = multiprocessing.Array('i', 4); ps = [multiprocessing.Process(target=lambda i=i: a.__setitem__(i, i * i)) for i in range(4)]
[p.start() for p in ps]; [p.join() for p in ps]; print(list(a))
c = ctypes.CDLL(None, use_errno=True)
print(c.mq_open(b'/missing', 0), os.strerror(ctypes.get_errno()), c.shmget(123456789, 0, 0), os.strerror(ctypes.get_errno()))
P
