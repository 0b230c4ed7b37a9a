script -qec 'tty; test -t 0 && echo terminal; stty size; echo done; exit 3' typescript </dev/null; echo "status $?"
sed -e '/^Script/d' typescript
script -qc 'echo first; read line; echo "got $line"' /dev/null <<<"typed"
rm typescript
