printf 'a 1\nb 2\na 3\n' > d
gawk '{s[$1]+=$2} END {n=asorti(s,k); for(i=1;i<=n;i++) print k[i], s[k[i]]}' d
gawk 'BEGIN { "echo sub" | getline x; print x; print strftime("%Y", 0, 1); print gensub(/(.)b/, "\\1x", "g", "abab"); printf "%.3f %c %s\n", 3.14159, 65, toupper("q") }'
gawk -v OFS=- '$1=$1' d; gawk 'NR==FNR{a[$1]=$2;next} ($1 in a){print $1,a[$1]}' d d; gawk 'BEGIN{while(("seq 3"|getline l)>0) t+=l; print t; print length("héllo"); print substr("hello",2,3); print match("foobar","o+"), RSTART, RLENGTH}'
gawk 'BEGIN { cmd="sort -r"; print "x" |& cmd; print "y" |& cmd; close(cmd,"to"); while ((cmd |& getline l) > 0) print l; print (systime() > 1000) }'; gawk 'BEGIN{exit 3}'; echo $?; rm -f 1000
