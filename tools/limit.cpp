#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "protocols/process.h"
#include "runtime/boot.h"
#include "runtime/ipc.h"

/// limit: runs a command that, with all that it starts, may use only so much. A Linux program but for the one call to the process server.
namespace portico::tools {
namespace {

constexpr const char* kUsage =
    "usage: limit [-m SIZE] [-t COUNT] COMMAND [ARGUMENT...]\n\n"
    "Runs the command. It and all that it starts together may use at most:\n\n"
    "  -m SIZE   of memory (units K, M, G)\n"
    "  -t COUNT  processes and threads\n\n"
    "See also /proc/portico/budgets. The status is the command's; 128 and the signal's number if one ended it.\n";

[[noreturn]] void refuse(const char* what, const char* value) {
    std::fprintf(stderr, "limit: %s %s\n", what, value);
    std::exit(125);
}

uint64_t parse(const char* value) {
    char* end = nullptr;
    errno = 0;
    uint64_t number = std::strtoull(value, &end, 10);
    unsigned shift = 0;
    if (end != value && *end != '\0' && end[1] == '\0') {
        shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
        if (shift != 0) ++end;
    }
    if (errno != 0 || end == value || *end != '\0' || *value == '-' || number == 0 || number > ~uint64_t{0} >> 1 >> shift)
        refuse("not a number above 0:", value);
    return number << shift;
}

int run(char** command) {
    const pid_t child = fork();
    if (child < 0) refuse("cannot fork:", std::strerror(errno));
    if (child == 0) {
        execvp(command[0], command);
        const int error = errno;
        std::fprintf(stderr, "limit: %s: %s\n", command[0], std::strerror(error));
        _exit(error == ENOENT ? 127 : 126);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) refuse("cannot wait:", std::strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace
}  // namespace portico::tools

int main(int argument_count, char** arguments) {
    using namespace portico;
    protocols::process::LimitChildren limits{};
    for (int flag; (flag = getopt(argument_count, arguments, "+m:t:h")) != -1;) {
        if (flag == 'm') limits.memory_bytes_max = tools::parse(optarg);
        if (flag == 't') limits.tasks_max = tools::parse(optarg);
        if (flag == 'm' || flag == 't') continue;
        std::fputs(tools::kUsage, flag == 'h' ? stdout : stderr);
        return flag == 'h' ? 0 : 125;
    }
    if (optind == argument_count) {
        std::fputs(tools::kUsage, stderr);
        return 125;
    }
    if (const auto limited = ipc::call(boot::block().process_server, limits); !limited)
        tools::refuse("cannot set the limits:", abi::name_of(limited.error()).data());
    return tools::run(arguments + optind);
}
