cat > s.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <signal.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <unistd.h>
#include <pthread.h>
static jmp_buf j; static void on(int s) { siglongjmp(j, s); }
static void *run(void *p) { return (void *)((long)p * 2); }
static int by(const void *a, const void *b) { return *(int *)a - *(int *)b; }
int main(void) {
    printf("%zu %zu %zu\n", sizeof(long), sizeof(void *), sizeof(long double)); signal(SIGSEGV, on);
    if (sigsetjmp(j, 1) == 0) { *(volatile int *)0 = 1; } else puts("caught");
    int v[] = {3, 1, 2}; qsort(v, 3, sizeof *v, by); printf("%d%d%d\n", v[0], v[1], v[2]); pthread_t t; void *r; pthread_create(&t, 0, run, (void *)21); pthread_join(t, &r); printf("%ld\n", (long)r);
    char *m = malloc(1 << 20); memset(m, 'x', 1 << 20); m = realloc(m, 4 << 20); printf("%c\n", m[1000000]); free(m); if (fork() == 0) _exit(9); int s; wait(&s); printf("%d\n", WEXITSTATUS(s)); errno = 0; fopen("/nope", "r"); perror("fopen"); printf("%s %.3e %a\n", strerror(EAGAIN), 12345.678, 1.5); fflush(stdout); execlp("echo", "echo", "exec", (char *)0); return 1; }
C
gcc -O2 -Wall -pthread s.c -o s -Wno-array-bounds && ./s 2>&1; gcc -g -O0 s.c -o s && ./s 2>&1 | wc -l; gcc -O3 -flto s.c -o s && ./s > /dev/null; echo $?; gcc -S -o - -x c - <<< 'int f(int x){return x*2;}' | grep -c ret; gcc -fsyntax-only -x c - <<< 'int f( {' 2>&1 | grep -c error; rm s
