cat > t.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <signal.h>
#include <setjmp.h>
#include <malloc.h>
#include <unistd.h>
static sigjmp_buf b; static void h(int s) { siglongjmp(b, s); }
int main(void) { int f = open("f", O_RDWR | O_CREAT, 0600); ftruncate(f, 8192); char* s = mmap(0, 8192, 3, MAP_SHARED, f, 0); strcpy(s + 4096, "shared"); char r[7] = {0}; pread(f, r, 6, 4096); puts(r); char* p = mmap(0, 8192, 3, MAP_PRIVATE, f, 0); p[4096] = 'X'; puts(s + 4096); msync(s, 8192, MS_SYNC);
 char* a = mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); a[5] = 1; a = mremap(a, 1 << 20, 4 << 20, MREMAP_MAYMOVE); printf("%d\n", a[5]); mprotect(a, 4096, PROT_READ); signal(SIGSEGV, h); signal(SIGBUS, h); if (!sigsetjmp(b, 1)) { a[0] = 1; puts("no"); } else puts("fault"); madvise(a + 4096, 4096, MADV_DONTNEED); printf("%d\n", a[4096]); munmap(a, 4 << 20); if (!sigsetjmp(b, 1)) { a[0] = 1; puts("no"); } else puts("gone");
 int* c = mmap(0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0); if (!fork()) { *c = 42; _exit(0); } wait(0); printf("%d\n", *c); void* m[100]; for (int i = 0; i < 100; ++i) m[i] = malloc((size_t)i * 1000 + 1); for (int i = 0; i < 100; i += 2) free(m[i]); void* q = realloc(m[99], 1 << 22); printf("%d %d\n", q != 0, (int)((size_t)aligned_alloc(4096, 8192) % 4096)); printf("%d\n", sbrk(0) != (void*)-1); printf("%d %d\n", mmap(0, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, errno == EINVAL); unsigned char v[2]; mincore(s, 8192, v); printf("%d\n", v[0] & 1); mlock(s, 4096); munlock(s, 4096); unlink("f"); int* x = 0; if (sigsetjmp(b, 1) == SIGSEGV) puts("null"); else *(volatile int*)x = 1; return 0; }
C
gcc -O1 -Wall -Wno-unused-result t.c -o t && ./t; rm -f t t.c
