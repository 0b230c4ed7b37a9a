cat > t.py <<'P'
import subprocess, os, signal, multiprocessing, threading, queue, time, sys, concurrent.futures
print(subprocess.run(['sh','-c','echo out; echo err >&2; exit 3'], capture_output=True))
print(subprocess.check_output('tr a-z A-Z', input=b'shout', shell=True))
try: subprocess.run(['sleep','5'], timeout=0.2)
except subprocess.TimeoutExpired: print('timeout')
r, w = os.pipe()
if os.fork() == 0: os.write(w, b'child'); os._exit(4)
print(os.wait()[1] >> 8, os.read(r, 10))
signal.signal(signal.SIGALRM, lambda *a: print('alarm')); signal.setitimer(signal.ITIMER_REAL, 0.1); signal.pause()
q = queue.Queue(); ts = [threading.Thread(target=lambda i=i: q.put(i*i)) for i in range(5)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sorted(q.queue))
lock = threading.Condition(); n = 0
def add():
    global n
    for _ in range(1000):
        with lock: n += 1
ts = [threading.Thread(target=add) for _ in range(4)]; [t.start() for t in ts]; [t.join() for t in ts]; print(n)
with concurrent.futures.ThreadPoolExecutor(3) as e: print(list(e.map(lambda x: x+1, range(5))))
def square(x): return x*x
if __name__ == '__main__':
    with multiprocessing.Pool(2) as p: print(p.map(square, range(6)))
    mq = multiprocessing.Queue(); p = multiprocessing.Process(target=lambda: mq.put('hello')); p.start(); print(mq.get()); p.join(); print(p.exitcode)
P
python3 t.py
