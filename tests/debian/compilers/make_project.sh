mkdir src; for i in $(seq 50); do echo "int f$i(int x) { return x + $i; }" > src/f$i.c; done
{ for i in $(seq 50); do echo "int f$i(int);"; done; echo '#include <stdio.h>'; echo 'int main(void) { int s = 0;'; for i in $(seq 50); do echo "s = f$i(s);"; done; echo 'printf("%d\n", s); }'; } > src/main.c
printf 'O := $(patsubst %%.c,%%.o,$(wildcard src/*.c))\np: $O\n\t@$(CC) -o $@ $^\n%%.o: %%.c\n\t@$(CC) -O0 -c -o $@ $<\nclean:\n\t@rm -f p src/*.o\n' > Makefile
make -j2 && ./p; touch src/f3.c; make -n | wc -l; make clean; rm -r src
