echo 'scale=20; 4*a(1); sqrt(2); e(1)' | bc -l; echo '2^100; obase=16; 255; ibase=2; 1010' | bc; echo 'define f(n){ if (n<2) return 1; return n*f(n-1); } f(30)' | bc; printf 'for(i=0;i<3;i++){ print i, " " }\n"\n"\nwhile(i-->0) i\n' | bc; echo '1/0' | bc 2>&1 | head -1; echo 'length(12345); 7%3; -7/2; scale(1.50)' | bc; m4 <<'M'
define(`sq', `eval($1*$1)')sq(7) ifelse(1,1,yes,no) len(hello) substr(abcdef,2,3) translit(abc,a-c,x-z) include(/dev/null)dnl gone
divert(1)later
divert(0)first incr(4) format(`%03d', 7) patsubst(aXb, X, -) esyscmd(echo shell)
M
