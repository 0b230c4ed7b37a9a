#!/usr/bin/python3
"""A stand-in for QEMU: finds the link, the archive and the log in its arguments as QEMU does, plays the guest's side of
protocols/host_link.h, and does what the program words in boot/run say."""
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))
import slip

arguments = " ".join(sys.argv)
link = socket.socket(fileno=int(re.search(r"id=link,fd=(\d+)", arguments).group(1)))
log_path = re.search(r"id=log,append=on,path=(\S+)", arguments).group(1)
archive = open(re.search(r"-initrd (\S+)", arguments).group(1), "rb").read()

run = archive[archive.rindex(b"boot/run\0") + len(b"boot/run\0"):]
run = run[:run.rindex(b"070701")].lstrip(b"\0")
items = [item.decode() for item in run.split(b"\0") if item]
words = [item[4:] for item in items if item.startswith("arg=")]
decoder = slip.Decoder()


def log(text):
    with open(log_path, "a", encoding="utf-8") as file:
        file.write(text + "\n")


def send(channel, data):
    link.sendall(slip.encode(channel, data))


def end(status):
    send(slip.CONTROL, f"exit {status}".encode())
    time.sleep(30)  # the host is to end us


def frames():
    while received := link.recv(4096):
        yield from decoder.feed(received)


log("fake kernel started")
if words[0] == "mute":
    time.sleep(30)
send(slip.CONTROL, b"ready")
action, rest = words[0], words[1:]
if action == "status":
    end(int(rest[0]))
elif action == "config":
    send(slip.OUTPUT, "\n".join(items).encode() + b"\n")
    end(0)
elif action == "argv":
    send(slip.OUTPUT, "\n".join(sys.argv[1:]).encode() + b"\n")
    end(0)
elif action == "bytes":
    send(slip.OUTPUT, bytes(range(256)) * 40)
    send(slip.ERROR, b"to stderr\n")
    end(0)
elif action == "trace":
    send(slip.TRACE, b"close(3) = 0\n")
    send(slip.OUTPUT, b"output\n")
    send(slip.ERROR, b"error\n")
    send(slip.TRACE, b"exit_group(3) = ?\n")
    end(3 << 8)
elif action == "echo":  # input comes back, by small credits
    send(slip.CONTROL, b"credit 100")
    for channel, data in frames():
        if channel == slip.INPUT:
            send(slip.OUTPUT, data)
            send(slip.CONTROL, b"credit %d" % len(data))
        elif data == b"input-end":
            end(0)
elif action == "flood":
    while True:
        send(slip.OUTPUT, b"x" * 1000)
elif action == "panic":
    log("[1] before\npanic: page 7 has two owners\n  at nowhere")
elif action == "die":
    os.kill(os.getpid(), 9)
elif action == "leave":
    sys.exit(3)
elif action == "complain":
    sys.stderr.write("qemu-system-x86_64: no such device\n")
elif action == "failed":
    send(slip.CONTROL, b"failed init could not start the file server")
    time.sleep(30)
elif action == "hang":
    log(f"pid {os.getpid()}")
    send(slip.OUTPUT, b"hanging\n")
    time.sleep(30)
elif action == "terminal":  # echoes keys and reports sizes, until q
    send(slip.TERMINAL, b"welcome\r\n")
    for channel, data in frames():
        if channel == slip.TERMINAL:
            send(slip.TERMINAL, b"<" + data + b">")
            if b"q" in data:
                end(0)
        elif channel == slip.CONTROL:
            send(slip.TERMINAL, b"[" + data + b"]")
