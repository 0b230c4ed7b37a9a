s="Hello, World"; echo "${s,,} ${s^^} ${s:7} ${s: -5:3} ${#s} ${s/o/0} ${s//o/0} ${s#*,} ${s%,*} ${s##*o} ${s%%o*}"
u=; echo "${u:-default} ${u:=set} $u ${nope+yes}${s:+there}"; printf '%s|%10s|%-10s|%.3s\n' a b c defgh; printf '%d %i %o %x %X %e %g %c %%\n' 10 -3 8 255 255 1234.5 0.0001 z
echo {a..e} {1..10..3} {x,y}{1,2}; echo "a	b" | cat -A; IFS=: read -r a b c <<< "1:2:3:4"; echo "$a $b $c"; echo $'\x41\u00e9\n' ; printf '%q\n' "it's"; [[ abc == a*c && abc != b* && -n $s && ! -z $s ]] && echo match
echo "${s@Q} ${s@U}"; case $s in H*W*) echo glob;;& *ll*) echo again;; esac; shopt -s extglob; [[ aaa == +(a) ]] && echo ext; echo "${s//[^A-Z]/}"
