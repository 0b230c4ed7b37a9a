cat > hello.c <<'C'
#include <stdio.h>
#include <math.h>
int main(int argc, char **argv) { printf("hello %s %.3f\n", argv[1], sqrt(argc)); return 3; }
C
gcc -O2 hello.c -lm && ./a.out there; echo $?; gcc -Wall -Werror -c -x c - <<< 'int f(void) { int unused; return 1; }' 2>&1 | grep -c unused; rm -f a.out
