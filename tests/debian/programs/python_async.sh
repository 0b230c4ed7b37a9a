python3 - <<'P'
import asyncio, os, signal, sys
async def worker(n, q):
    await asyncio.sleep(0.01 * n); await q.put(n)
async def main():
    q = asyncio.Queue(); await asyncio.gather(*(worker(i, q) for i in (3, 1, 2))); print([q.get_nowait() for _ in range(3)])
    p = await asyncio.create_subprocess_exec('tr', 'a-z', 'A-Z', stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    print(await p.communicate(b'shout'), p.returncode)
    p = await asyncio.create_subprocess_shell('exit 3'); print(await p.wait())
    try: await asyncio.wait_for(asyncio.sleep(5), 0.05)
    except asyncio.TimeoutError: print('timeout')
    async def handle(r, w): w.write((await r.readline()).upper()); await w.drain(); w.close()
    s = await asyncio.start_unix_server(handle, 'sock'); r, w = await asyncio.open_unix_connection('sock'); w.write(b'hello\n'); print(await r.readline()); w.close(); s.close()
    e = asyncio.Event(); asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, e.set); os.kill(os.getpid(), signal.SIGUSR1); await e.wait(); print('signal')
    print(await asyncio.to_thread(lambda: 6 * 7), await asyncio.get_running_loop().run_in_executor(None, os.getcwd) == os.getcwd())
    l = asyncio.Lock(); n = 0
    async def add():
        nonlocal n
        for _ in range(10):
            async with l: v = n; await asyncio.sleep(0); n = v + 1
    await asyncio.gather(*(add() for _ in range(5))); print(n)
asyncio.run(main())
P
rm -f sock
