m4 -DX=5 <<'M'
define(`loop', `ifelse($1, 0, , `$1 loop(decr($1))')')loop(X)
define(`swap', `$2 $1')swap(a, b) define(`n', 3)ifdef(`n', `n is n')
index(hello, l) regexp(`foobar', `o+', `\&') sinclude(missing)eval(2**8) changequote([, ])define([q], [quoted])q
syscmd(printf sys)sysval m4wrap([wrapped
])errprint()dumpdef()maketemp(xXXXXXX)
M
rm -f x??????; seq 50 | awk '$1%2' | sed 's/$/,/' | tr -d '\n' | sed 's/,$//' | cut -d, -f1-5,20-; echo; yes abc | head -1000 | tr a-c x-z | sort | uniq -c | sed 's/ *//'; printf '%s\n' {a..e} | paste -d' ' - - | rev | tac | nl | column -t | expand; tr ' ' '\n' < /etc/services 2>/dev/null | wc -l | grep -c .; seq 20 | grep -E '^(1|2)' | xargs | fold -w 10 -s | sed 's/ *$//'; echo 'b,2;a,1' | tr ';' '\n' | sort -t, | sed 's/,/=/' | paste -sd'&'; head -c 30 /dev/zero | tr '\0' x | fold -w 7 | cat -n -E; printf 'a\tb\n' | cat -A; seq 5 | shuf -n 2 --random-source=<(yes) | wc -l; comm -3 <(seq 1 3) <(seq 2 4); look a <(printf 'a\nab\n') | wc -l; hexdump -e '1/1 "%02x "' <<< ab; echo
