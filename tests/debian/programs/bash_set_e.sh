set -euo pipefail; trap 'echo failed at $LINENO: $BASH_COMMAND' ERR
f() { return 0; }; f && echo ok; false || echo handled; if false; then :; fi; x=$(true); echo before; cat /nonexistent 2>/dev/null; echo never
