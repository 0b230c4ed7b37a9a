#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

/// Process 1 of the Linux that is measured: runs the program that its own arguments name, tells how it ended, and switches the
/// machine off.
int main(int, char** arguments) {
    const pid_t child = fork();
    if (child == 0) {
        execv(arguments[1], arguments + 1);
        std::perror(arguments[1]);
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
    }
    std::printf("ended with wait status %d\n", status);
    std::fflush(stdout);
    reboot(RB_POWER_OFF);
}
