cat > t.c <<'C'
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; static pthread_cond_t cond = PTHREAD_COND_INITIALIZER; static int turn; static _Thread_local int mine; static pthread_key_t key; static pthread_once_t once = PTHREAD_ONCE_INIT;
static void made(void) { puts("once"); } static void gone(void* p) { printf("key %s\n", (char*)p); }
static void* player(void* a) { int me = (int)(long)a; pthread_once(&once, made); for (int i = 0; i < 1000; ++i) { pthread_mutex_lock(&lock); while (turn % 3 != me) pthread_cond_wait(&cond, &lock); ++turn; ++mine; pthread_cond_broadcast(&cond); pthread_mutex_unlock(&lock); } return (void*)(long)mine; }
static void* cancelled(void* a) { pthread_setspecific(key, "freed"); for (;;) pause(); return a; }
static jmp_buf back; static void segv(int s, siginfo_t* i, void* c) { (void)s; (void)c; printf("fault at %p\n", i->si_addr); siglongjmp(back, 1); }
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER; static pthread_barrier_t bar; static sem_t sem; static int sum; static void* adder(void* a) { pthread_barrier_wait(&bar); for (int i = 0; i < 1000; ++i) { pthread_rwlock_wrlock(&rw); ++sum; pthread_rwlock_unlock(&rw); } sem_post(&sem); return a; }
int main(void) { pthread_t t[4]; void* r; for (long i = 0; i < 3; ++i) pthread_create(&t[i], 0, player, (void*)i); long s = 0; for (int i = 0; i < 3; ++i) { pthread_join(t[i], &r); s += (long)r; } printf("%d %ld\n", turn, s);
 pthread_key_create(&key, gone); pthread_create(&t[0], 0, cancelled, 0); usleep(10000); pthread_cancel(t[0]); pthread_join(t[0], &r); printf("%d\n", r == PTHREAD_CANCELED);
 struct sigaction a = {.sa_sigaction = segv, .sa_flags = SA_SIGINFO}; sigaction(SIGSEGV, &a, 0); if (!sigsetjmp(back, 1)) *(volatile int*)16 = 1; puts("back");
 pthread_barrier_init(&bar, 0, 4); sem_init(&sem, 0, 0); for (int i = 0; i < 4; ++i) pthread_create(&t[i], 0, adder, 0); for (int i = 0; i < 4; ++i) sem_wait(&sem); for (int i = 0; i < 4; ++i) pthread_join(t[i], 0); printf("%d\n", sum);
 fflush(stdout); if (!fork()) { raise(SIGABRT); } int st; wait(&st); printf("%d\n", WTERMSIG(st)); char* n = strsignal(SIGBUS); puts(n); return 0; }
C
gcc -O2 -Wall -pthread t.c -o t && ./t; rm -f t t.c
