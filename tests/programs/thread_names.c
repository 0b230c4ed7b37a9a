// Names of threads: prctl sets and tells them, each thread has its own, and what is too long is cut off.
#include <pthread.h>
#include <sys/prctl.h>

#include "check.h"

static void* rename_itself(void* argument) {
    char name[16] = "";
    CHECK(prctl(PR_SET_NAME, argument) == 0);
    CHECK(prctl(PR_GET_NAME, name) == 0);
    CHECK(strncmp(name, argument, 15) == 0);
    CHECK(strlen(name) <= 15);
    return NULL;
}

int main(void) {
    char* names[] = {"worker", "a name that is too long"};
    char name[16] = "";
    CHECK(prctl(PR_SET_NAME, "leader") == 0);
    for (int i = 0; i < 2; ++i) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, rename_itself, names[i]) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK(prctl(PR_GET_NAME, name) == 0);
    CHECK(strcmp(name, "leader") == 0);
    ok("threads name themselves");
    return 0;
}
