for ((i=0;i<3;i++)); do echo -n "$i "; done; echo; until ((i--<=0)); do echo -n $i; done; echo; select x in a b; do echo "chose $x"; break; done <<< 2 2>/dev/null; cat <<A <<B
first
A
second
B
f() { echo "$FUNCNAME ${BASH_LINENO[0]} $*"; }; f x y; g() { local -n r=$1; r=changed; }; v=old; g v; echo $v; s=$(cat <<'X'
$not expanded
X
); echo "$s"; a=(1 2 3); a+=(4); unset 'a[1]'; echo "${a[@]}" "${!a[@]}" "${a[@]:1:2}"; [[ -v a ]] && echo set; echo "${a[*]/#/n}"; readonly R=1; (R=2) 2>&1 | sed 's/.*R:/R:/'
