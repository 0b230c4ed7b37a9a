exec 3>file; echo three >&3; exec 3>&-
cat <<< "here string" | tee copy
cat 0<file 2>/dev/null
{ echo out; echo err >&2; } 2>&1 | sort
echo a >> file; echo b >> file
set -o noclobber; echo c > file || echo refused
exec 4<>file; read -r x <&4; echo "read $x"; echo more >&4; exec 4>&-
cat file
diff <(seq 3) <(seq 4) || echo differ
read -r -d '' -n 5 v < file; echo "$v"
cat /dev/fd/0 < copy; cat /proc/self/fd/0 < copy
