cat > in <<'X'
ec	ho one
echo tw
X
script -qec 'bash --norc --noprofile -i' log < /dev/null > /dev/null; echo $?
(sleep 0.5; printf 'PS1=; ech\tcompleted\r'; sleep 0.3; printf 'echo x\001echo \005y\r'; sleep 0.3; printf 'sleep 5\r'; sleep 0.5; printf '\003'; sleep 0.3; printf 'echo $?\rcat\r'; sleep 0.3; printf '\032'; sleep 0.3; printf 'jobs\rkill %%1; echo $((6*7))\r'; sleep 0.5; printf 'exit 5\r') | script -qec 'env TERM=dumb bash --norc --noprofile -i' log > out; echo $?; tr -d '\r' < out | grep -E '^(completed|echo x|130|42|\[1\]\+  Stopped +cat)$' | sed 's/  */ /g' | uniq; rm -f in log out
