dash -c 'trap "echo int" INT; kill -INT $$; echo next; trap - INT; (kill -TERM $$) ; sleep 1; echo no'; echo $?; dash -c 'sleep 5 & kill $!; wait $!; echo $?'; dash -c 'set -e; false; echo no'; echo $?; dash -c 'set -u; echo $nope' 2>/dev/null; echo $?; dash -xc 'echo traced' 2>&1; dash -c 'exec 3>f; echo x >&3; exec 3>&-; cat f; while read l; do echo "<$l>"; done < f; cat <<-E
	tab
	E
alias l=echo; f() ( exit 2 ); f; echo $?; echo "${0##*/}"; echo "$@"' name a b; echo 'echo from file; return 2>/dev/null; exit 4' > s; dash ./s; echo $?; dash -n s && echo syntax; printf '#!/bin/dash\necho script $1\n' > t; chmod +x t; ./t arg; printf 'if true; then' | dash 2>&1 | sed 's/.*: //'; rm -f f s t
