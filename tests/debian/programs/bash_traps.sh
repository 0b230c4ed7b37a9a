# mask: No record of process \d+
trap 'echo exit $?' EXIT
trap 'echo usr1' USR1
trap 'echo err at $LINENO' ERR
kill -USR1 $$
false
bash -c 'trap "echo sub" EXIT; exit 3'
echo "sub was $?"
sleep 100 & pid=$!
kill -TERM $pid
wait $pid
echo "wait says $?"
trap - ERR
bash -c 'trap "" TERM; kill -TERM $$; echo survived; trap - TERM; kill -TERM $$; echo never'
echo "killed: $?"
exit 5
