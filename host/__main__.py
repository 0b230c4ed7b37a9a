"""Entry of the host command; everything else is imported only by the command that needs it, to start fast."""
import sys

if sys.version_info < (3, 11):
    sys.stderr.write(f"portico: Python 3.11 or newer is needed, this is {sys.version.split()[0]} ({sys.executable})\n")
    sys.exit(125)

import command

sys.exit(command.main(sys.argv[1:]))
