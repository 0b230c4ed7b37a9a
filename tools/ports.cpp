#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>

#include "tools/port_table.h"

/// ports: the ports of the system, the busiest first. A Linux program like any other: it reads /proc/portico/ports.
namespace portico::tools {
namespace {

constexpr const char* kFile = "/proc/portico/ports";
constexpr const char* kUsage =
    "usage: ports [-n COUNT] [-w SECONDS]\n\n"
    "Lists the ports of the system, the busiest first: their owners, messages queued now and at most, credits left,\n"
    "badges handed out, threads waiting, messages taken so far; and owners that wait for each other in a ring of calls.\n\n"
    "  -n COUNT    only the COUNT busiest\n"
    "  -w SECONDS  again and again, with messages per second, until interrupted\n";

struct Wishes {
    size_t count = std::numeric_limits<size_t>::max();
    double period_s = 0;
};

[[noreturn]] void refuse(const char* flag, const char* value) {
    std::fprintf(stderr, "ports: -%s %s: not a number above 0\n", flag, value);
    std::exit(2);
}

Wishes parse(int argument_count, char** arguments) {
    Wishes wishes;
    static constexpr option kLong[] = {{"help", no_argument, nullptr, 'h'}, {}};
    for (int flag; (flag = getopt_long(argument_count, arguments, "n:w:h", kLong, nullptr)) != -1;) {
        char* end = nullptr;
        switch (flag) {
        case 'n':
            wishes.count = std::strtoul(optarg, &end, 10);
            if (end == optarg || *end != '\0' || *optarg == '-' || wishes.count == 0) refuse("n", optarg);
            break;
        case 'w':
            wishes.period_s = std::strtod(optarg, &end);
            if (end == optarg || *end != '\0' || !(wishes.period_s > 0 && wishes.period_s < 1e6)) refuse("w", optarg);
            break;
        case 'h':
            std::fputs(kUsage, stdout);
            std::exit(0);
        default:
            std::fputs(kUsage, stderr);
            std::exit(2);
        }
    }
    if (optind < argument_count) {
        std::fprintf(stderr, "ports: unexpected '%s'\n%s", arguments[optind], kUsage);
        std::exit(2);
    }
    return wishes;
}

[[noreturn]] void give_up(const char* why) {
    std::fprintf(stderr, "ports: %s: %s\n", kFile, why);
    std::exit(1);
}

PortTable read_ports() {
    const int file = open(kFile, O_RDONLY | O_CLOEXEC);
    if (file < 0) give_up(std::strerror(errno));
    std::string text;
    char part[16384];
    ssize_t length = 0;
    while ((length = read(file, part, sizeof part)) > 0) text.append(part, static_cast<size_t>(length));
    const int error = errno;
    close(file);
    if (length < 0) give_up(std::strerror(error));
    PortTable table;
    if (!parse_ports(text, table)) give_up("not a list of ports that this program knows");
    return table;
}

double now_s() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void sleep_s(double seconds) {
    timespec left{.tv_sec = static_cast<time_t>(seconds), .tv_nsec = static_cast<long>(std::fmod(seconds, 1.0) * 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

/// False if nobody reads any more.
bool show(const PortTable& table, Order order) {
    std::fputs(format_ports(table, order).c_str(), stdout);
    return std::fflush(stdout) == 0;
}

int watch(const Wishes& wishes) {
    PortTable before = read_ports();
    for (double before_s = now_s();;) {
        sleep_s(wishes.period_s);
        PortTable table = read_ports();
        const double moment_s = now_s();
        compare(table, before, moment_s - before_s);
        if (!show(busiest(table, Order::Rate, wishes.count), Order::Rate)) return 1;
        std::fputs("\n", stdout);
        before = std::move(table);
        before_s = moment_s;
    }
}

}  // namespace
}  // namespace portico::tools

int main(int argument_count, char** arguments) {
    using namespace portico::tools;
    const Wishes wishes = parse(argument_count, arguments);
    if (wishes.period_s > 0) return watch(wishes);
    const PortTable table = read_ports();
    if (!show(busiest(table, Order::Messages, wishes.count), Order::Messages)) return 1;
    std::fputs(rings(table).c_str(), stdout);
    return std::fflush(stdout) == 0 ? 0 : 1;
}
