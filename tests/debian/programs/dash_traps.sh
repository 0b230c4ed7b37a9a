cat > t.sh <<'S'
trap 'echo bye' EXIT
trap 'echo got term' TERM
trap '' HUP
kill -HUP $$; kill -TERM $$; echo after
(trap - TERM; kill -TERM $(sh -c 'echo $PPID'); echo not); echo "sub $?"
f() { local x=1; return 3; }; f || echo "f $?"
set -- a b c; shift; echo "$# $1"; IFS=:; set -- $(printf 'p:q'); echo $1 $2
case abc in a?c) echo case;; esac; i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done
exit 5
S
dash t.sh; echo $?
