fact() { (( $1 < 2 )) && echo 1 || echo $(( $1 * $(fact $(( $1 - 1 ))) )); }; fact 10
f() { local IFS=,; echo "$*"; return 7; }; f a b c; echo $?; declare -f f | head -2; unset -f f; f 2>&1 | sed 's/.*line/line/'
g() { echo "${FUNCNAME[0]} ${#BASH_LINENO[@]}"; }; g; set -- x y z; shift 2; echo $1 $#
e=(1 2 3); h() { local -a c=("$@"); c[1]=9; echo "${c[@]}"; }; h "${e[@]}"; echo "${e[@]}"
caller_test() { caller 0 | cut -d' ' -f2; }; caller_test; eval 'v=$((2+3))'; echo $v; source <(echo 'w=sourced'); echo $w
