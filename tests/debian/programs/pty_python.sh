python3 - <<'P'
import os, pty, select, signal, struct, fcntl, termios, time
log = []
def read(descriptor):
    data = os.read(descriptor, 1024)
    log.append(data)
    return data
status = pty.spawn(["sh", "-c", "test -t 0 && test -t 1 && echo both; stty -a | head -1 | cut -d';' -f3; exit 5"], read)
print(os.waitstatus_to_exitcode(status), b"both" in b"".join(log))
pid, outer = pty.fork()
if pid == 0:
    signal.signal(signal.SIGWINCH, lambda *_: print("size", os.get_terminal_size(), flush=True))
    print("ready", flush=True)
    print("line", input(), flush=True)
    os._exit(0)
def until(text):
    seen = b""
    while text not in seen:
        seen += os.read(outer, 1024)
    return seen
until(b"ready")
fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
print(until(b")\r\n").strip())
os.write(outer, b"typed\n")
print(until(b"line typed").split()[-2:])
print(os.waitpid(pid, 0)[1])
try:
    while os.read(outer, 100): pass
except OSError as error:
    print(error.strerror)
P
