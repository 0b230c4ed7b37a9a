seq 10 > a; sed 's/5/five/' a > b
diff -u --label a --label b a b > p; cat p; cp a c; patch -s c p; cmp b c && echo patched; diff -y -W 20 a b | sed -n 4,6p; diff3 a b c | head -5; cmp a b; patch -R -s c p; cmp a c && echo back; sdiff -s a b -w 30
