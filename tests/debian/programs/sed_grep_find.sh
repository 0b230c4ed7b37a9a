printf 'alpha\nbeta\ngamma\n' > t
sed -n '2,$p;s/a/A/gp' t; sed -i.bak 's/beta/BETA/' t; cat t t.bak; sed -E 's/(.)(.)/\2\1/' t; sed '$!N;P;D' t; sed 'y/abc/xyz/;a\
more' t | head -3
grep -n a t; grep -c a t; grep -v alpha t; grep -rl BETA . ; grep -oE '[a-z]{2}' t | head -2; grep -q none t; echo $?; grep -P 'a(?=l)' t
mkdir -p a/b; touch a/b/x.c a/y.c a/z.h; find . -name '*.c' | sort; find . -type d | sort; find a -size -1 -name 'z*'; find a -name '*.c' -exec echo got {} \; | sort; find a -newer t | wc -l; find . -name '*.c' -print0 | sort -z | xargs -0 -n 1 basename; find a -delete; ls
seq 10 | xargs -n 3 echo; seq 4 | xargs -P 2 -I{} sh -c 'echo {}' | sort
