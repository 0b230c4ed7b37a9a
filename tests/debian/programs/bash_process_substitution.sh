diff <(seq 3) <(seq 2 4); paste <(echo a) <(echo b); while read x; do ((n+=x)); done < <(seq 4); echo $n; tee >(tr a-z A-Z > up) <<< word > /dev/null; sleep 0.3; cat up; exec 3<> rw; echo data >&3; exec 3>&-; cat rw; { echo out; echo err >&2; } 2>&1 | sort; mapfile -t m < <(seq 3); echo ${#m[@]} ${m[-1]}; exec {fd}<rw; read -u $fd l; echo $l; cat <<-X
	tabbed
	X
echo $(< rw)
