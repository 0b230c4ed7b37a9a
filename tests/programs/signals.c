/// cpus: 1 2 4
/// traced: yes
// Handlers, masks, restarts, alternate stacks, SIGCHLD, nesting.
#include <setjmp.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "check.h"

static volatile sig_atomic_t count, depth, depth_max;
static siginfo_t last;

static void handler(int number, siginfo_t* info, void* context) {
    (void)context;
    (void)number;
    last = *info;
    ++count;
}

static void nested(int number) {
    ++depth;
    if (depth > depth_max) depth_max = depth;
    if (number == SIGUSR1) raise(SIGUSR2);
    --depth;
}

static void install(int number, void (*action)(int, siginfo_t*, void*), int flags) {
    struct sigaction new_action = {.sa_sigaction = action, .sa_flags = flags | SA_SIGINFO};
    sigemptyset(&new_action.sa_mask);
    CHECK(sigaction(number, &new_action, NULL) == 0);
}

// A child that sends `number` to its parent after a while, then writes a byte.
static pid_t child_that_signals(int number, int pipe_end) {
    pid_t parent = getpid(), child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        sleep_ms(60);
        kill(parent, number);
        sleep_ms(60);
        if (write(pipe_end, "x", 1) != 1) _exit(1);
        _exit(0);
    }
    return child;
}

static void check_restart(void) {
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    count = 0;
    install(SIGUSR1, handler, 0);
    pid_t child = child_that_signals(SIGUSR1, ends[1]);
    CHECK_ERROR(read(ends[0], &byte, 1), EINTR);
    CHECK(count == 1 && last.si_pid == child && last.si_code == SI_USER);
    ok("EINTR without SA_RESTART");
    CHECK(read(ends[0], &byte, 1) == 1 && exit_status_of(child) == 0);
    install(SIGUSR1, handler, SA_RESTART);
    child = child_that_signals(SIGUSR1, ends[1]);
    CHECK(read(ends[0], &byte, 1) == 1 && count == 2);
    CHECK(exit_status_of(child) == 0);
    ok("SA_RESTART goes on reading");
    close(ends[0]);
    close(ends[1]);
}

static char* alternate;
static volatile sig_atomic_t was_on_alternate;
static sigjmp_buf back;

static void overflow_handler(int number, siginfo_t* info, void* context) {
    (void)number, (void)context, (void)info;
    char here;
    was_on_alternate = &here >= alternate && &here < alternate + 65536;
    siglongjmp(back, 1);
}

static void check_alternate_stack(void) {
    alternate = malloc(65536);
    stack_t stack = {.ss_sp = alternate, .ss_size = 65536};
    CHECK(sigaltstack(&stack, NULL) == 0);
    install(SIGSEGV, overflow_handler, SA_ONSTACK);
    if (sigsetjmp(back, 1) == 0) {
        // A stack pointer that leads nowhere: only an alternate stack can take the signal.
        __asm__ volatile("movq $0x10000000, %%rsp; pushq %%rax" ::: "memory");
    }
    CHECK(was_on_alternate);
    signal(SIGSEGV, SIG_DFL);
    ok("alternate stack");
}

static void check_masks(void) {
    sigset_t set, pending;
    count = 0;
    install(SIGUSR1, handler, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK(count == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
    CHECK(count == 1);
    ok("blocked signals wait, once");
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t parent = getpid(), child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(kill(parent, SIGUSR1));
    sigset_t none;
    sigemptyset(&none);
    CHECK_ERROR(sigsuspend(&none), EINTR);
    CHECK(count == 2 && exit_status_of(child) == 0);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    ok("sigsuspend");
}

static void check_sender(void) {
    const int by_kill = 1, by_thread = 2;
    for (int how = by_kill; how <= by_thread; ++how) {
        count = 0;
        CHECK((how == by_kill ? kill(getpid(), SIGUSR1) : raise(SIGUSR1)) == 0);
        CHECK(count == 1 && last.si_signo == SIGUSR1 && last.si_code == (how == by_kill ? SI_USER : SI_TKILL));
        CHECK(last.si_pid == getpid() && last.si_uid == getuid());
    }
    struct sigaction once = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESETHAND};
    CHECK(sigaction(SIGUSR2, &once, NULL) == 0 && kill(getpid(), SIGUSR2) == 0 && count == 2);
    CHECK(sigaction(SIGUSR2, NULL, &once) == 0 && once.sa_handler == SIG_DFL);
    ok("signals to oneself tell their sender");
}

static long handler_rcx;  // what the handler makes of rcx, which a call leaves with its return address

static void change_registers(int number, siginfo_t* info, void* context) {
    (void)number, (void)info;
    __asm__ volatile("pcmpeqd %%xmm8, %%xmm8" ::: "xmm8");
    if (handler_rcx != 0)
        ((ucontext_t*)context)->uc_mcontext.gregs[REG_RCX] = handler_rcx;
    else
        ((ucontext_t*)context)->uc_mcontext.gregs[REG_R15] = 77;
    ++count;
}

static void check_registers(void) {
    install(SIGUSR1, change_registers, 0);
    for (handler_rcx = 0; handler_rcx <= 0x1234; handler_rcx += 0x1234) {
        long xmm_in = 0x123456789, xmm_out = 0, rcx = 0, r15 = 5, result = SYS_kill;
        __asm__ volatile("movq %4, %%xmm8; mov %3, %%r15; syscall; movq %%xmm8, %1; mov %%rcx, %2; mov %%r15, %3"
                         : "+a"(result), "=&r"(xmm_out), "=&r"(rcx), "+&r"(r15)
                         : "r"(xmm_in), "D"((long)getpid()), "S"((long)SIGUSR1)
                         : "rcx", "r11", "r15", "xmm8", "memory");
        CHECK(result == 0 && xmm_out == xmm_in);
        CHECK(handler_rcx != 0 ? rcx == handler_rcx && r15 == 5 : r15 == 77);
    }
    ok("registers come back as the handler left them in its frame");
}

int main(void) {
    install(SIGUSR1, handler, 0);
    CHECK(raise(SIGUSR1) == 0 && count == 1 && last.si_signo == SIGUSR1);
    ok("handler");
    check_sender();
    check_registers();
    install(SIGUSR1, handler, 0);
    check_masks();
    check_restart();
    check_alternate_stack();
    signal(SIGUSR1, nested);
    signal(SIGUSR2, nested);
    raise(SIGUSR1);
    CHECK(depth == 0 && depth_max == 2);
    ok("nested handlers");
    count = 0;
    install(SIGCHLD, handler, SA_RESTART);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(3);
    CHECK(exit_status_of(child) == 3);
    while (count == 0) sleep_ms(1);
    CHECK(last.si_pid == child && last.si_code == CLD_EXITED && last.si_status == 3);
    ok("SIGCHLD");
    signal(SIGCHLD, SIG_DFL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (;;) pause();
    }
    CHECK(kill(child, SIGSTOP) == 0);
    int status;
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(kill(child, SIGCONT) == 0);
    CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    CHECK(kill(child, SIGTERM) == 0 && exit_status_of(child) == 128 + SIGTERM);
    ok("stop, continue, terminate");
    CHECK_ERROR(kill(child, 0), ESRCH);
    CHECK_ERROR(kill(getpid(), 99), EINVAL);
    ok("errors");
    return 0;
}
