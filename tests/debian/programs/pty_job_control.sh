cat > t.py <<'P'
import os, pty, signal, sys, time, termios
pid, m = pty.fork()
if pid == 0:
    os.environ['HISTFILE'] = '/dev/null'
    os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])
def until(t):
    s = b''
    while t not in s:
        try: s += os.read(m, 4096)
        except OSError: break
    return s
os.write(m, b'PS1="pr""ompt> "\n'); until(b'prompt> ')
os.write(m, b'sleep 50 | cat\n'); time.sleep(0.6); os.write(m, b'\x1a'); print(b'Stopped' in until(b'prompt> '))
os.write(m, b'bg\n'); until(b'prompt> '); os.write(m, b'jobs\n'); print(b'Running' in until(b'prompt> '))
os.write(m, b'fg\n'); time.sleep(0.6); fg = os.tcgetpgrp(m); print(fg != pid); os.write(m, b'\x1c'); until(b'prompt> '); print(os.tcgetpgrp(m) == pid)
os.write(m, b'stty -echo; stty size; echo done\n'); print(b'0 0' in until(b'done\r\nprompt> ')); a = termios.tcgetattr(m); print(bool(a[3] & termios.ICANON), bool(a[3] & termios.ISIG))
os.write(m, b'(trap "echo hup > hup" HUP; sleep 20) &\n'); until(b'prompt> '); os.close(m); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0); time.sleep(0.5)
P
python3 t.py; pkill -x sleep; rm -f t.py hup
