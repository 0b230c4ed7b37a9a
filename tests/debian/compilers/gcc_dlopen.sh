echo 'int value(void) { return 42; }' > m.c; gcc -shared -fPIC -o m.so m.c
cat > d.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <threads.h>
static thread_local int t = 7;
int main(void) { void *h = dlopen("./m.so", RTLD_NOW); int (*f)(void) = dlsym(h, "value"); printf("%d %d\n", f(), t); dlclose(h); printf("%s\n", dlopen("./none.so", RTLD_NOW) ? "?" : "no"); return 0; }
C
gcc -o d d.c && ./d; LD_PRELOAD=./m.so ./d; LD_BIND_NOW=1 ./d; LD_DEBUG=files ./d 2>&1 | grep -c 'm.so'; rm -f *.so d
