echo $((2**62)) $((0x1f + 010)) $((7/2)) $((-7%3)) $((1<<40))
((i=5, i++, i*=2)); echo $i
for ((n=0;n<3;n++)); do echo -n "$n "; done; echo
printf '%05d|%-6s|%x|%q|%(%Y)T\n' 42 ab 255 'a b' 0
[[ abc123 =~ ^([a-z]+)([0-9]+)$ ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
select_it() { local -n ref=$1; ref=changed; }; v=1; select_it v; echo $v
