dash -c 'while getopts "ab:" o; do echo "$o ${OPTARG-}"; done; shift $((OPTIND-1)); echo "$@"' x -a -b val rest
dash -c 'x=abcdef; echo ${x#ab} ${x%ef} ${#x} ${y:-def} ${y:=set} $y; echo $((0x1f + 010)); echo "$(printf %s "a  b")"; read a b <<X
one two three
X
echo "$a|$b"; cd /; pwd; umask 027; umask; ulimit -n > /dev/null; type cd; command -v ls; eval "echo evald"; exec echo execd'
