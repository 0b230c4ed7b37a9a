printf 'one\ntwo\nthree\n' > text
(sleep 1.5; printf ':%%s/two/2/\r'; sleep 0.5; printf 'Gofour\033'; sleep 0.5; printf ':wq\r'; sleep 0.5) | TERM=xterm script -qec 'stty rows 24 cols 80; vi text' /dev/null > /dev/null
cat text
seq 1 200 > long
(sleep 1; printf 'G'; sleep 0.5; printf 'q'; sleep 0.3) | TERM=xterm script -qec 'stty rows 24 cols 80; less long' screen > /dev/null
grep -ac '^200' screen
rm -f screen long
