/// cpus: 1 2
// System V: shared memory, semaphores with waiting and undo, message queues, and what their control calls tell.
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "check.h"

union semun {
    int val;
    struct semid_ds* buf;
    unsigned short* array;
};

static int operate(int set, int semaphore, int change, int flags) {
    struct sembuf one = {.sem_num = (unsigned short)semaphore, .sem_op = (short)change, .sem_flg = (short)flags};
    return semop(set, &one, 1);
}

static int value(int set, int semaphore) {
    return semctl(set, semaphore, GETVAL);
}

static unsigned long attached(int id) {
    struct shmid_ds state;
    CHECK(shmctl(id, IPC_STAT, &state) == 0);
    return state.shm_nattch;
}

static void memory(void) {
    key_t key = (key_t)(0x5000000 + getpid());
    CHECK_ERROR(shmget(key, 100, 0600), ENOENT);
    int id = shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0640);
    CHECK(id >= 0 && shmget(key, 0, 0) == id);
    CHECK_ERROR(shmget(key, 10000, IPC_CREAT | IPC_EXCL), EEXIST);
    CHECK_ERROR(shmget(key, 20000, 0), EINVAL);
    struct shmid_ds state;
    CHECK(shmctl(id, IPC_STAT, &state) == 0 && state.shm_segsz == 10000 && state.shm_perm.mode == 0640 && state.shm_cpid == getpid());
    CHECK(attached(id) == 0);
    char* first = shmat(id, NULL, 0);
    const char* second = shmat(id, NULL, SHM_RDONLY);
    CHECK(first != (char*)-1 && second != (const char*)-1 && attached(id) == 2);
    strcpy(first + 5000, "seen by both");
    CHECK(strcmp(second + 5000, "seen by both") == 0 && first[9999] == 0);
    CHECK(shmdt(second) == 0 && attached(id) == 1);
    CHECK_ERROR(shmdt(second), EINVAL);
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char step;
        strcpy(first, "from the child");
        CHECK(close(ends[1]) == 0 && read(ends[0], &step, 1) == 0);
        _exit(attached(id) == 2 ? 3 : 4);
    }
    CHECK(attached(id) == 2);  // at once, whatever the child has done by now
    while (first[0] == 0) sleep_ms(1);
    CHECK(strcmp(first, "from the child") == 0);
    CHECK(close(ends[1]) == 0 && exit_status_of(child) == 3 && attached(id) == 1);
    CHECK(shmctl(id, IPC_STAT, &state) == 0);
    state.shm_perm.mode = 0600;
    CHECK(shmctl(id, IPC_SET, &state) == 0 && shmctl(id, IPC_STAT, &state) == 0 && state.shm_perm.mode == 0600);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0 && shmctl(id, IPC_STAT, &state) == 0 && (state.shm_perm.mode & 01000) != 0);
    CHECK(strcmp(first, "from the child") == 0);  // as long as it is attached
    CHECK_ERROR(shmget(key, 0, 0), ENOENT);
    CHECK(munmap(first, 12288) == 0);
    CHECK_ERROR(shmctl(id, IPC_STAT, &state), EINVAL);
    CHECK_ERROR(shmget(key, 0, IPC_CREAT), EINVAL);
    char* at = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    id = shmget(IPC_PRIVATE, 4096, 0600);
    CHECK(at != MAP_FAILED && id >= 0 && shmat(id, at, 0) == (void*)-1 && errno == EINVAL);
    CHECK(shmat(id, at + 5, SHM_RND | SHM_REMAP) == at && strcpy(at, "here") == at && munmap(at, 65536) == 0 && attached(id) == 0);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0);
    ok("shared memory");
}

static void exec_detaches(const char* self) {
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    char* memory = shmat(id, NULL, 0);
    CHECK(id >= 0 && memory != (char*)-1);
    char number[16];
    snprintf(number, sizeof number, "%d", id);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execl(self, self, number, NULL);
        _exit(99);
    }
    CHECK(exit_status_of(child) == 1 && attached(id) == 1);
    CHECK(shmdt(memory) == 0 && shmctl(id, IPC_RMID, NULL) == 0);
    ok("exec detaches");
}

static void semaphores(void) {
    int set = semget(IPC_PRIVATE, 3, 0600);
    CHECK(set >= 0);
    CHECK_ERROR(semget(IPC_PRIVATE, 0, 0600), EINVAL);
    unsigned short values[3] = {1, 2, 3};
    union semun argument = {.array = values};
    CHECK(semctl(set, 0, SETALL, argument) == 0 && value(set, 0) == 1 && value(set, 2) == 3);
    argument.val = 7;
    CHECK(semctl(set, 1, SETVAL, argument) == 0);
    argument.array = values;
    CHECK(semctl(set, 0, GETALL, argument) == 0 && values[1] == 7);
    CHECK(operate(set, 0, -1, 0) == 0 && value(set, 0) == 0 && semctl(set, 0, GETPID) == getpid());
    CHECK_ERROR(operate(set, 0, -1, IPC_NOWAIT), EAGAIN);
    CHECK_ERROR(operate(set, 3, 1, 0), EFBIG);
    CHECK_ERROR(operate(set, 1, 32767, 0), ERANGE);
    CHECK_ERROR(semctl(set, 3, GETVAL), EINVAL);
    struct timespec little = {0, 20000000};
    struct sembuf take = {.sem_num = 0, .sem_op = -1};
    long long before = now_ms();
    CHECK_ERROR(semtimedop(set, &take, 1, &little), EAGAIN);
    CHECK(now_ms() - before >= 19);
    ok("semaphores");

    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct sembuf both[2] = {{.sem_num = 0, .sem_op = -2}, {.sem_num = 2, .sem_op = -1}};
        CHECK(semop(set, both, 2) == 0);
        CHECK(operate(set, 1, 0, 0) == 0);
        _exit(5);
    }
    while (semctl(set, 0, GETNCNT) != 1) sleep_ms(1);
    CHECK(operate(set, 0, 1, 0) == 0 && semctl(set, 0, GETNCNT) == 1);
    CHECK(operate(set, 0, 1, 0) == 0);
    while (semctl(set, 1, GETZCNT) != 1) sleep_ms(1);
    CHECK(value(set, 0) == 0 && value(set, 2) == 2);
    CHECK(operate(set, 1, -7, 0) == 0 && exit_status_of(child) == 5);
    ok("waiting");

    argument.val = 4;
    CHECK(semctl(set, 0, SETVAL, argument) == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(operate(set, 0, -3, SEM_UNDO) == 0 && operate(set, 2, 5, SEM_UNDO) == 0);
        raise(SIGKILL);
    }
    CHECK(exit_status_of(child) == 128 + SIGKILL);
    CHECK(operate(set, 0, -4, 0) == 0 && value(set, 2) == 2);  // waits for the undoing, if need be
    ok("undo");

    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_ERROR(operate(set, 0, -1, 0), EIDRM);
        _exit(6);
    }
    while (semctl(set, 0, GETNCNT) != 1) sleep_ms(1);
    struct semid_ds state;
    argument.buf = &state;
    CHECK(semctl(set, 0, IPC_STAT, argument) == 0 && state.sem_nsems == 3 && state.sem_otime != 0);
    CHECK(semctl(set, 0, IPC_RMID) == 0 && exit_status_of(child) == 6);
    CHECK_ERROR(value(set, 0), EINVAL);
    ok("removal");
}

struct message {
    long type;
    char text[8192];
};

static int sends(int queue, long type, const char* text, int flags) {
    struct message message = {.type = type};
    strcpy(message.text, text);
    return msgsnd(queue, &message, strlen(text), flags);
}

static int receives(int queue, long type, int flags, const char* wanted) {
    struct message message;
    ssize_t length = msgrcv(queue, &message, sizeof message.text, type, flags);
    return length == (ssize_t)strlen(wanted) && memcmp(message.text, wanted, strlen(wanted)) == 0;
}

static void count(int signal) {
    (void)signal;
}

static void messages(void) {
    int queue = msgget(IPC_PRIVATE, 0600);
    struct message message;
    CHECK(queue >= 0);
    CHECK_ERROR(msgrcv(queue, &message, 10, 0, IPC_NOWAIT), ENOMSG);
    CHECK_ERROR(sends(queue, 0, "no type", 0), EINVAL);
    CHECK_ERROR(msgsnd(queue, &message, 8193, 0), EINVAL);
    CHECK(sends(queue, 5, "five", 0) == 0 && sends(queue, 3, "three", 0) == 0 && sends(queue, 9, "nine nine", 0) == 0);
    struct msqid_ds state;
    CHECK(msgctl(queue, IPC_STAT, &state) == 0 && state.msg_qnum == 3 && state.msg_lspid == getpid() && state.msg_qbytes == 16384);
    CHECK(receives(queue, -4, 0, "three"));
    CHECK_ERROR(msgrcv(queue, &message, 4, 9, 0), E2BIG);
    CHECK(msgrcv(queue, &message, 4, 9, MSG_NOERROR) == 4 && memcmp(message.text, "nine", 4) == 0 && message.type == 9);
    CHECK(sends(queue, 7, "seven", 0) == 0 && receives(queue, 5, MSG_EXCEPT, "seven") && receives(queue, 0, 0, "five"));
    ok("messages");

    memset(&message, 'x', sizeof message);
    message.type = 1;
    CHECK(msgsnd(queue, &message, 8192, 0) == 0 && msgsnd(queue, &message, 8192, 0) == 0);
    CHECK_ERROR(msgsnd(queue, &message, 1, IPC_NOWAIT), EAGAIN);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(sends(queue, 2, "at last", 0) == 0);
        CHECK(receives(queue, 44, 0, "to the child"));
        struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
        CHECK(sigaction(SIGALRM, &action, NULL) == 0 && alarm(1) == 0);
        CHECK_ERROR(msgrcv(queue, &message, 10, 45, 0), EINTR);
        CHECK_ERROR(msgrcv(queue, &message, 10, 45, 0), EIDRM);
        _exit(7);
    }
    sleep_ms(20);
    CHECK(msgrcv(queue, &message, 8192, 1, 0) == 8192 && msgrcv(queue, &message, 8192, 1, 0) == 8192 && receives(queue, 2, 0, "at last"));
    CHECK(sends(queue, 44, "to the child", 0) == 0);
    sleep_ms(1200);
    CHECK(msgctl(queue, IPC_RMID, NULL) == 0 && exit_status_of(child) == 7);
    CHECK_ERROR(sends(queue, 1, "gone", 0), EINVAL);
    ok("waiting for messages");
}

int main(int count_of_arguments, char** arguments) {
    if (count_of_arguments > 1) return (int)attached(atoi(arguments[1]));
    memory();
    exec_detaches("/proc/self/exe");
    semaphores();
    messages();
    return 0;
}
