#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "servers/strace/symbols.h"

/// The names themselves, as Linux's headers have them. Where one value contains another, the larger comes first.
namespace portico::strace {
namespace {

constexpr uint64_t kLargeFile = 0100000;  // the libc's O_LARGEFILE is 0 on x86-64, the kernel's is not

constexpr Symbol kOpen[] = {{O_RDONLY, "O_RDONLY", O_ACCMODE},
                            {O_WRONLY, "O_WRONLY", O_ACCMODE},
                            {O_RDWR, "O_RDWR", O_ACCMODE},
                            {O_CREAT, "O_CREAT"},
                            {O_EXCL, "O_EXCL"},
                            {O_NOCTTY, "O_NOCTTY"},
                            {O_TRUNC, "O_TRUNC"},
                            {O_APPEND, "O_APPEND"},
                            {O_NONBLOCK, "O_NONBLOCK"},
                            {O_SYNC, "O_SYNC"},
                            {O_DSYNC, "O_DSYNC"},
                            {O_ASYNC, "O_ASYNC"},
                            {O_DIRECT, "O_DIRECT"},
                            {kLargeFile, "O_LARGEFILE"},
                            {O_TMPFILE, "O_TMPFILE"},
                            {O_DIRECTORY, "O_DIRECTORY"},
                            {O_NOFOLLOW, "O_NOFOLLOW"},
                            {O_NOATIME, "O_NOATIME"},
                            {O_CLOEXEC, "O_CLOEXEC"},
                            {O_PATH, "O_PATH"}};
constexpr Symbol kAccess[] = {{F_OK, "F_OK", kWhole}, {R_OK, "R_OK"}, {W_OK, "W_OK"}, {X_OK, "X_OK"}};
constexpr Symbol kAt[] = {{AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
                          {AT_REMOVEDIR, "AT_REMOVEDIR"},
                          {AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW"},
                          {AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT"},
                          {AT_EMPTY_PATH, "AT_EMPTY_PATH"}};
constexpr Symbol kProtection[] = {
    {PROT_NONE, "PROT_NONE", kWhole}, {PROT_READ, "PROT_READ"}, {PROT_WRITE, "PROT_WRITE"}, {PROT_EXEC, "PROT_EXEC"}};
constexpr Symbol kMap[] = {{MAP_SHARED, "MAP_SHARED", MAP_TYPE},
                           {MAP_PRIVATE, "MAP_PRIVATE", MAP_TYPE},
                           {MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE", MAP_TYPE},
                           {MAP_FIXED, "MAP_FIXED"},
                           {MAP_ANONYMOUS, "MAP_ANONYMOUS"},
                           {MAP_GROWSDOWN, "MAP_GROWSDOWN"},
                           {MAP_DENYWRITE, "MAP_DENYWRITE"},
                           {MAP_LOCKED, "MAP_LOCKED"},
                           {MAP_NORESERVE, "MAP_NORESERVE"},
                           {MAP_POPULATE, "MAP_POPULATE"},
                           {MAP_NONBLOCK, "MAP_NONBLOCK"},
                           {MAP_STACK, "MAP_STACK"},
                           {MAP_HUGETLB, "MAP_HUGETLB"},
                           {MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"}};
constexpr Symbol kSeek[] = {{SEEK_SET, "SEEK_SET", kWhole},
                            {SEEK_CUR, "SEEK_CUR", kWhole},
                            {SEEK_END, "SEEK_END", kWhole},
                            {SEEK_DATA, "SEEK_DATA", kWhole},
                            {SEEK_HOLE, "SEEK_HOLE", kWhole}};
constexpr Symbol kFcntl[] = {{F_DUPFD, "F_DUPFD", kWhole},
                             {F_GETFD, "F_GETFD", kWhole},
                             {F_SETFD, "F_SETFD", kWhole},
                             {F_GETFL, "F_GETFL", kWhole},
                             {F_SETFL, "F_SETFL", kWhole},
                             {F_GETLK, "F_GETLK", kWhole},
                             {F_SETLK, "F_SETLK", kWhole},
                             {F_SETLKW, "F_SETLKW", kWhole},
                             {F_SETOWN, "F_SETOWN", kWhole},
                             {F_GETOWN, "F_GETOWN", kWhole},
                             {F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC", kWhole},
                             {F_SETPIPE_SZ, "F_SETPIPE_SZ", kWhole},
                             {F_GETPIPE_SZ, "F_GETPIPE_SZ", kWhole}};
constexpr Symbol kDescriptor[] = {{FD_CLOEXEC, "FD_CLOEXEC"}};
constexpr Symbol kPipe[] = {{O_NONBLOCK, "O_NONBLOCK"}, {O_DIRECT, "O_DIRECT"}, {O_CLOEXEC, "O_CLOEXEC"}};
constexpr Symbol kClone[] = {{CLONE_VM, "CLONE_VM"},
                             {CLONE_FS, "CLONE_FS"},
                             {CLONE_FILES, "CLONE_FILES"},
                             {CLONE_SIGHAND, "CLONE_SIGHAND"},
                             {CLONE_PIDFD, "CLONE_PIDFD"},
                             {CLONE_PTRACE, "CLONE_PTRACE"},
                             {CLONE_VFORK, "CLONE_VFORK"},
                             {CLONE_PARENT, "CLONE_PARENT"},
                             {CLONE_THREAD, "CLONE_THREAD"},
                             {CLONE_NEWNS, "CLONE_NEWNS"},
                             {CLONE_SYSVSEM, "CLONE_SYSVSEM"},
                             {CLONE_SETTLS, "CLONE_SETTLS"},
                             {CLONE_PARENT_SETTID, "CLONE_PARENT_SETTID"},
                             {CLONE_CHILD_CLEARTID, "CLONE_CHILD_CLEARTID"},
                             {CLONE_DETACHED, "CLONE_DETACHED"},
                             {CLONE_UNTRACED, "CLONE_UNTRACED"},
                             {CLONE_CHILD_SETTID, "CLONE_CHILD_SETTID"}};
constexpr Symbol kWait[] = {{WNOHANG, "WNOHANG"}, {WUNTRACED, "WUNTRACED"}, {WEXITED, "WEXITED"}, {WCONTINUED, "WCONTINUED"},
                            {WNOWAIT, "WNOWAIT"}, {__WCLONE, "__WCLONE"},   {__WALL, "__WALL"}};
constexpr Symbol kPoll[] = {{POLLIN, "POLLIN"},         {POLLPRI, "POLLPRI"},       {POLLOUT, "POLLOUT"},       {POLLERR, "POLLERR"},
                            {POLLHUP, "POLLHUP"},       {POLLNVAL, "POLLNVAL"},     {POLLRDNORM, "POLLRDNORM"}, {POLLRDBAND, "POLLRDBAND"},
                            {POLLWRNORM, "POLLWRNORM"}, {POLLWRBAND, "POLLWRBAND"}, {POLLRDHUP, "POLLRDHUP"}};
constexpr Symbol kMaskChange[] = {
    {SIG_BLOCK, "SIG_BLOCK", kWhole}, {SIG_UNBLOCK, "SIG_UNBLOCK", kWhole}, {SIG_SETMASK, "SIG_SETMASK", kWhole}};
constexpr Symbol kAction[] = {{0x0400'0000, "SA_RESTORER"},   {SA_ONSTACK, "SA_ONSTACK"},     {SA_RESTART, "SA_RESTART"},
                              {SA_NODEFER, "SA_NODEFER"},     {SA_RESETHAND, "SA_RESETHAND"}, {SA_SIGINFO, "SA_SIGINFO"},
                              {SA_NOCLDSTOP, "SA_NOCLDSTOP"}, {SA_NOCLDWAIT, "SA_NOCLDWAIT"}};
constexpr uint64_t kFutexCommand = FUTEX_CMD_MASK & 0xFFFF'FFFF;
constexpr Symbol kFutex[] = {{FUTEX_WAIT, "FUTEX_WAIT", kFutexCommand},
                             {FUTEX_WAKE, "FUTEX_WAKE", kFutexCommand},
                             {FUTEX_REQUEUE, "FUTEX_REQUEUE", kFutexCommand},
                             {FUTEX_CMP_REQUEUE, "FUTEX_CMP_REQUEUE", kFutexCommand},
                             {FUTEX_WAKE_OP, "FUTEX_WAKE_OP", kFutexCommand},
                             {FUTEX_LOCK_PI, "FUTEX_LOCK_PI", kFutexCommand},
                             {FUTEX_UNLOCK_PI, "FUTEX_UNLOCK_PI", kFutexCommand},
                             {FUTEX_WAIT_BITSET, "FUTEX_WAIT_BITSET", kFutexCommand},
                             {FUTEX_WAKE_BITSET, "FUTEX_WAKE_BITSET", kFutexCommand},
                             {FUTEX_PRIVATE_FLAG, "FUTEX_PRIVATE_FLAG"},
                             {FUTEX_CLOCK_REALTIME, "FUTEX_CLOCK_REALTIME"}};
constexpr Symbol kClock[] = {{CLOCK_REALTIME, "CLOCK_REALTIME", kWhole},
                             {CLOCK_MONOTONIC, "CLOCK_MONOTONIC", kWhole},
                             {CLOCK_PROCESS_CPUTIME_ID, "CLOCK_PROCESS_CPUTIME_ID", kWhole},
                             {CLOCK_THREAD_CPUTIME_ID, "CLOCK_THREAD_CPUTIME_ID", kWhole},
                             {CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW", kWhole},
                             {CLOCK_REALTIME_COARSE, "CLOCK_REALTIME_COARSE", kWhole},
                             {CLOCK_MONOTONIC_COARSE, "CLOCK_MONOTONIC_COARSE", kWhole},
                             {CLOCK_BOOTTIME, "CLOCK_BOOTTIME", kWhole}};
constexpr Symbol kClockFlag[] = {{TIMER_ABSTIME, "TIMER_ABSTIME"}};
constexpr Symbol kResource[] = {{RLIMIT_CPU, "RLIMIT_CPU", kWhole},         {RLIMIT_FSIZE, "RLIMIT_FSIZE", kWhole},
                                {RLIMIT_DATA, "RLIMIT_DATA", kWhole},       {RLIMIT_STACK, "RLIMIT_STACK", kWhole},
                                {RLIMIT_CORE, "RLIMIT_CORE", kWhole},       {RLIMIT_RSS, "RLIMIT_RSS", kWhole},
                                {RLIMIT_NPROC, "RLIMIT_NPROC", kWhole},     {RLIMIT_NOFILE, "RLIMIT_NOFILE", kWhole},
                                {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", kWhole}, {RLIMIT_AS, "RLIMIT_AS", kWhole}};
constexpr Symbol kUser[] = {{0, "RUSAGE_SELF", kWhole}, {0xFFFF'FFFF, "RUSAGE_CHILDREN", kWhole}, {1, "RUSAGE_THREAD", kWhole}};
constexpr Symbol kMadvise[] = {
    {MADV_NORMAL, "MADV_NORMAL", kWhole},     {MADV_RANDOM, "MADV_RANDOM", kWhole},     {MADV_SEQUENTIAL, "MADV_SEQUENTIAL", kWhole},
    {MADV_WILLNEED, "MADV_WILLNEED", kWhole}, {MADV_DONTNEED, "MADV_DONTNEED", kWhole}, {MADV_FREE, "MADV_FREE", kWhole},
    {MADV_DONTFORK, "MADV_DONTFORK", kWhole}, {MADV_HUGEPAGE, "MADV_HUGEPAGE", kWhole}, {MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE", kWhole}};
constexpr Symbol kRemap[] = {{MREMAP_MAYMOVE, "MREMAP_MAYMOVE"}, {MREMAP_FIXED, "MREMAP_FIXED"}, {4, "MREMAP_DONTUNMAP"}};
constexpr Symbol kRandom[] = {{GRND_NONBLOCK, "GRND_NONBLOCK"}, {GRND_RANDOM, "GRND_RANDOM"}, {GRND_INSECURE, "GRND_INSECURE"}};
constexpr Symbol kArch[] = {{ARCH_SET_GS, "ARCH_SET_GS", kWhole},
                            {ARCH_SET_FS, "ARCH_SET_FS", kWhole},
                            {ARCH_GET_FS, "ARCH_GET_FS", kWhole},
                            {ARCH_GET_GS, "ARCH_GET_GS", kWhole},
                            {0x3001, "ARCH_CET_STATUS", kWhole}};
constexpr Symbol kControl[] = {{TCGETS, "TCGETS", kWhole},         {TCSETS, "TCSETS", kWhole},         {TCSETSW, "TCSETSW", kWhole},
                               {TCSETSF, "TCSETSF", kWhole},       {TCFLSH, "TCFLSH", kWhole},         {TCXONC, "TCXONC", kWhole},
                               {TCSBRK, "TCSBRK", kWhole},         {TIOCGPGRP, "TIOCGPGRP", kWhole},   {TIOCSPGRP, "TIOCSPGRP", kWhole},
                               {TIOCGSID, "TIOCGSID", kWhole},     {TIOCSCTTY, "TIOCSCTTY", kWhole},   {TIOCNOTTY, "TIOCNOTTY", kWhole},
                               {TIOCGWINSZ, "TIOCGWINSZ", kWhole}, {TIOCSWINSZ, "TIOCSWINSZ", kWhole}, {FIONREAD, "FIONREAD", kWhole},
                               {FIONBIO, "FIONBIO", kWhole},       {FIOCLEX, "FIOCLEX", kWhole},       {FIONCLEX, "FIONCLEX", kWhole}};
constexpr Symbol kOption[] = {
    {PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG", kWhole},      {PR_SET_NAME, "PR_SET_NAME", kWhole},         {PR_GET_NAME, "PR_GET_NAME", kWhole},
    {PR_SET_DUMPABLE, "PR_SET_DUMPABLE", kWhole},        {PR_GET_DUMPABLE, "PR_GET_DUMPABLE", kWhole}, {PR_SET_VMA, "PR_SET_VMA", kWhole},
    {PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS", kWhole}};
constexpr Symbol kTimer[] = {
    {ITIMER_REAL, "ITIMER_REAL", kWhole}, {ITIMER_VIRTUAL, "ITIMER_VIRTUAL", kWhole}, {ITIMER_PROF, "ITIMER_PROF", kWhole}};
constexpr Symbol kRename[] = {{1, "RENAME_NOREPLACE"}, {2, "RENAME_EXCHANGE"}, {4, "RENAME_WHITEOUT"}};
constexpr Symbol kStatx[] = {{AT_STATX_FORCE_SYNC, "AT_STATX_FORCE_SYNC"},
                             {AT_STATX_DONT_SYNC, "AT_STATX_DONT_SYNC"},
                             {AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
                             {AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT"},
                             {AT_EMPTY_PATH, "AT_EMPTY_PATH"}};
constexpr Symbol kStatxField[] = {{STATX_ALL, "STATX_ALL"},       {STATX_BASIC_STATS, "STATX_BASIC_STATS"},
                                  {STATX_TYPE, "STATX_TYPE"},     {STATX_MODE, "STATX_MODE"},
                                  {STATX_NLINK, "STATX_NLINK"},   {STATX_UID, "STATX_UID"},
                                  {STATX_GID, "STATX_GID"},       {STATX_ATIME, "STATX_ATIME"},
                                  {STATX_MTIME, "STATX_MTIME"},   {STATX_CTIME, "STATX_CTIME"},
                                  {STATX_INO, "STATX_INO"},       {STATX_SIZE, "STATX_SIZE"},
                                  {STATX_BLOCKS, "STATX_BLOCKS"}, {STATX_BTIME, "STATX_BTIME"}};
constexpr Symbol kFileType[] = {{S_IFREG, "S_IFREG", S_IFMT},  {S_IFDIR, "S_IFDIR", S_IFMT}, {S_IFCHR, "S_IFCHR", S_IFMT},
                                {S_IFBLK, "S_IFBLK", S_IFMT},  {S_IFIFO, "S_IFIFO", S_IFMT}, {S_IFLNK, "S_IFLNK", S_IFMT},
                                {S_IFSOCK, "S_IFSOCK", S_IFMT}};
constexpr Symbol kSync[] = {{MS_ASYNC, "MS_ASYNC"}, {MS_INVALIDATE, "MS_INVALIDATE"}, {MS_SYNC, "MS_SYNC"}};
constexpr Symbol kRseq[] = {{1, "RSEQ_FLAG_UNREGISTER"}};

}  // namespace

const Symbols kOpenFlags{kOpen, "O_"};
const Symbols kAccessModes{kAccess, "?_OK"};
const Symbols kAtFlags{kAt, "AT_"};
const Symbols kProtections{kProtection, "PROT_"};
const Symbols kMapFlags{kMap, "MAP_"};
const Symbols kSeekOrigins{kSeek, "SEEK_"};
const Symbols kFcntlCommands{kFcntl, "F_"};
const Symbols kDescriptorFlags{kDescriptor, "FD_"};
const Symbols kPipeFlags{kPipe, "O_"};
const Symbols kCloneFlags{kClone, "CLONE_"};
const Symbols kWaitFlags{kWait, "W"};
const Symbols kPollEvents{kPoll, "POLL"};
const Symbols kMaskChanges{kMaskChange, "SIG_"};
const Symbols kActionFlags{kAction, "SA_"};
const Symbols kFutexOperations{kFutex, "FUTEX_"};
const Symbols kClocks{kClock, "CLOCK_"};
const Symbols kClockFlags{kClockFlag, "TIMER_"};
const Symbols kResources{kResource, "RLIMIT_"};
const Symbols kUsers{kUser, "RUSAGE_"};
const Symbols kAdvice{kMadvise, "MADV_"};
const Symbols kRemapFlags{kRemap, "MREMAP_"};
const Symbols kRandomFlags{kRandom, "GRND_"};
const Symbols kArchCodes{kArch, "ARCH_"};
const Symbols kControlRequests{kControl, "TIOC"};
const Symbols kProcessOptions{kOption, "PR_"};
const Symbols kTimers{kTimer, "ITIMER_"};
const Symbols kRenameFlags{kRename, "RENAME_"};
const Symbols kStatxFlags{kStatx, "AT_"};
const Symbols kStatxMask{kStatxField, "STATX_"};
const Symbols kFileTypes{kFileType, "S_IF"};
const Symbols kSyncFlags{kSync, "MS_"};
const Symbols kRseqFlags{kRseq, "RSEQ_"};

}  // namespace portico::strace
