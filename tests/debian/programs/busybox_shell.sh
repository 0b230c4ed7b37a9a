busybox sh -c 'x=$((2+3)); echo $x ${x%5}z; f() { local y=1; return 4; }; f; echo $?; for i in a b; do echo $i; done | busybox tr a-z A-Z; trap "echo bye" EXIT; echo a b c | { read p q; echo "$q"; }; case x in [a-z]) echo letter;; esac; printf "%03d\n" 7; set -- $(echo 1 2 3); echo $#; (exit 6); echo $?; echo $(busybox seq 3); [ -d / ] && echo dir; sleep 0.1 & wait; ulimit -n > /dev/null && echo lim; echo "${x:-no}${z:-no}"; busybox false || busybox true; echo $?; cat <<X
here $x
X
kill -l | head -1; exit 3'; echo $?
