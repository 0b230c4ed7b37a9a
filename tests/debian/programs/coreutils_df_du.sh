mkdir d; head -c 100000 /dev/zero > d/a; head -c 50000 /dev/zero > d/b; du -b --apparent-size d/a d/b; du -sb --apparent-size d/a | cut -f1; du -ab d/a; wc -c < d/a; sync d/a; echo $?
ls -s d/missing; stat d/missing; df missing; echo $?
