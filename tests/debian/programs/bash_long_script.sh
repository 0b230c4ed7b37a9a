set -u
log() { printf '[%s] %s\n' "$1" "$2"; }
declare -A count; total=0
words="the quick brown fox jumps over the lazy dog the end"
for word in $words; do (( count[$word] = ${count[$word]:-0} + 1, total++ )) || true; done
for word in $(printf '%s\n' "${!count[@]}" | sort); do log count "$word ${count[$word]}"; done
log total $total
stack=(); push() { stack+=("$1"); }; pop() { REPLY=${stack[-1]}; unset 'stack[-1]'; }
for n in 1 2 3; do push $((n * n)); done
while (( ${#stack[@]} )); do pop; log pop $REPLY; done
primes() { local n d; for ((n = 2; n <= $1; n++)); do for ((d = 2; d * d <= n; d++)); do ((n % d)) || continue 2; done; echo -n "$n "; done; echo; }
primes 50
trap 'log trap USR1' USR1; trap 'log trap "EXIT $?"' EXIT
( kill -USR1 $$ ); sleep 0.2
producer() { for i in {1..5}; do echo item$i; done; }
consumer() { while read -r item; do echo "got $item"; done; }
producer | consumer
mkfifo pipe; { for i in a b c; do echo $i; done > pipe; } & while read -r x; do log fifo $x; done < pipe; wait; rm pipe
for job in 1 2 3; do ( sleep 0.0$job; exit $job ) & pids[job]=$!; done
for job in 1 2 3; do wait ${pids[job]}; log job "$job ended $?"; done
if ! grep -q missing /etc/passwd; then log grep "not there"; fi
while getopts 'a:bc' option -a value -b -- rest; do log option "$option ${OPTARG:-}"; done
until (( total-- <= 9 )); do :; done; log until $total
select_menu() { local PS3=; select choice in one two; do echo "chose $choice"; break; done <<< 2; }; select_menu 2> /dev/null
diff <(sort <<< $'b\na') <(printf 'a\nb\n') && log diff same
timeout 0.1 sleep 3; log timeout $?
printf -v padded '%05d' 42; log printf $padded
log subst "$(echo $(echo nested $(echo deep)))"
exit 4
