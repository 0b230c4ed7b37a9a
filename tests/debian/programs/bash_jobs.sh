set -m
sleep 0.2 & sleep 0.1 &
jobs | sed 's/ *$//'
wait
echo waited $?
(exit 7) & wait -n; echo "one: $?"
coproc cat
echo through >&${COPROC[1]}
read -r line <&${COPROC[0]}
echo "$line"
exec {COPROC[1]}>&-
wait
sleep 30 &
kill -STOP %1; sleep 0.2; jobs -s | sed 's/ *$//'; kill -CONT %1; kill %1; wait %1; echo $?
