cat > s <<'S'
#!/bin/dash
set -eu
f() { local x=$1; echo "${x%.*} ${x##*.} $#"; }
f a.b.c
for i in 1 2; do case $i in 1) echo one;; *) echo other;; esac; done
while getopts ab: o -a -b v; do echo $o ${OPTARG-}; done
x=$(cat <<H
 here $((1+1))
H
); echo "$x"
trap 'echo bye' EXIT; umask 027; umask; ulimit -n >/dev/null; exec 3>&1; echo 3 >&3; times >/dev/null
( cd / && pwd ); : ${u:=default}; echo $u; echo a | { read v; echo $v; }; kill -0 $$; exit 2
S
chmod +x s; ./s; echo $?; printf '#!%s/s2\n' $PWD > s3; printf '#!/bin/sh -x\necho $0 $@\n' > s2; chmod +x s2 s3; ./s3 q 2>&1 | sed "s#$PWD#.#g"; printf '#!/nowhere\n' > s4; chmod +x s4; ./s4 2>&1 | sed 's/.*s4/s4/'; echo $?; printf 'echo plain $1\n' > s5; chmod +x s5; ./s5 x
