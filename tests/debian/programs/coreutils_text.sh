seq 100 > n
sort -rn n | head -3; tail -n 2 n; wc n; cut -c1 n | sort | uniq -c | sort -k1,1nr -k2 | head -4
tr a-z A-Z <<< hello; fold -w 3 <<< abcdefgh; nl -ba <(printf 'x\ny\n'); paste -d, <(seq 3) <(seq 4 6)
join <(printf 'a 1\nb 2\n') <(printf 'a x\nb y\n'); comm <(seq 3) <(seq 2 4); expand <<< $'a\tb'; tac n | head -2
split -l 40 n part.; ls part.*; csplit -s n 50; wc -l xx*; od -An -tx1 <<< AB; base64 <<< portico; basenc --base32 <<< x
md5sum n; sha1sum n; sha512sum n | cut -c1-20; cksum n; sum n; shuf -e a b c | sort; numfmt --to=iec 1048576; factor 360
tsort <<< "a b b c"; pr -l 12 -h x -D d n | head -8; fmt -w 20 <<< "some words to be put into short lines"; seq -s, 5; printf '%b' 'a\tb\n'
