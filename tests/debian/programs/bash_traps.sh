trap 'echo "exit $?"' EXIT; trap 'echo err line $LINENO' ERR; trap 'echo usr1' USR1; kill -USR1 $$; false; (exit 3); f() { trap 'echo ret' RETURN; }; f
( trap 'echo int; exit 7' INT; kill -INT $BASHPID; echo no ); echo $?
bash -c 'trap "echo child term; exit 0" TERM; kill -TERM $$; sleep 1'; set -o pipefail; false | true; echo $?; ! true; echo $?; trap - EXIT ERR; trap -p; exit 4
