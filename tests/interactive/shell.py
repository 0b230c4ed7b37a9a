"""What a person at the terminal expects of the shell. Each function gets a freshly booted guest."""
import time

PROMPT = r"[#$] (\x1b\[6n)?$"


def test_prompt_and_command(typist):
    typist.expect(PROMPT)
    typist.type("echo he''llo\r")
    typist.expect(r"hello\r\n")
    typist.expect(PROMPT)


def test_line_editing(typist):
    typist.expect(PROMPT)
    typist.type("echo abX\x7fc\r")
    typist.expect(r"\nabc\r\n")
    typist.type("echo 13\x1b[D2\r")
    typist.expect(r"\n123\r\n")
    typist.type("\x1b[A")  # the last line again
    time.sleep(0.3)
    typist.type("4\r")
    typist.expect(r"\n1234\r\n")


def test_control_c_kills_the_foreground(typist):
    typist.expect(PROMPT)
    typist.type("sleep 100\r")
    time.sleep(1)
    typist.type("\x03")
    typist.expect(PROMPT)
    typist.type("echo st''atus $?\r")
    typist.expect(r"status 130\r\n")


def test_control_z_and_foreground(typist):
    typist.expect(PROMPT)
    typist.type("sleep 100\r")
    time.sleep(1)
    typist.type("\x1a")
    typist.expect(r"Stopped")
    typist.type("jobs\r")
    typist.expect(r"Stopped.*sleep 100")
    typist.type("fg\r")
    typist.expect(r"sleep 100\r\n")
    time.sleep(0.5)
    typist.type("\x03")
    typist.type("echo b''ack\r")
    typist.expect(r"back\r\n")


def test_control_d_leaves(typist):
    typist.expect(PROMPT)
    typist.type("\x04")
    assert typist.wait_status() == 0, "the shell's end by Ctrl-D is no success"


def test_exit_status_of_the_shell(typist):
    typist.expect(PROMPT)
    typist.type("exit 3\r")
    status = typist.wait_status()
    assert status == 3, f"the status is {status}, not 3"


def test_cooked_input(typist):
    typist.expect(PROMPT)
    typist.type("cat\r")
    time.sleep(0.5)
    typist.type("twX\x7fice\r")
    typist.expect(r"twice\r\n")
    typist.type("wrong\x15right\r")  # Ctrl-U takes the line back
    typist.expect(r"\nright\r\n")
    typist.type("\x04")
    typist.expect(PROMPT)


def test_size_follows_the_window(typist):
    typist.expect(PROMPT)
    typist.type("stty size\r")
    typist.expect(r"24 80\r\n")
    typist.resize(132, 50)
    time.sleep(0.5)
    typist.type("stty size\r")
    typist.expect(r"50 132\r\n")


def test_background_job_reads_later(typist):
    typist.expect(PROMPT)
    typist.type("cat &\r")
    time.sleep(1)
    typist.type("jobs\r")
    typist.expect(r"Stopped.*cat")
    typist.type("kill %1; echo fi''ne\r")
    typist.expect(r"fine\r\n")


def test_console_driver_dies_and_the_shell_goes_on(typist):
    typist.expect(PROMPT)
    for deaths in range(1, 6):
        typist.type("echo kill uart > /proc/portico/servers\r")
        typist.type(f"echo still he''re {deaths}\r")  # not waiting: what is typed while there is no driver comes, too
        typist.expect(rf"still here {deaths}\r\n")
        typist.type(f"until grep -q 'uart running {deaths}' /proc/portico/servers; do sleep 0.1; done; echo ba''ck\r")
        typist.expect(r"back\r\n")
        typist.expect(PROMPT)
    typist.type("sleep 100\r")
    time.sleep(0.5)
    typist.type("\x03")
    typist.expect(PROMPT)


def test_file_server_dies_and_the_run_ends(typist):
    typist.expect(PROMPT)
    typist.type("echo kill file > /proc/portico/servers\r")
    typist.expect(r"portico: the file server ended")
    status = typist.wait_status()
    assert status == 125, f"the status is {status}, not 125"
