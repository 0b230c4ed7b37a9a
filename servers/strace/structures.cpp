#include "servers/strace/structures.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "servers/strace/symbols.h"
#include "servers/strace/text.h"

namespace portico::strace {

std::string mode_text(uint32_t mode) {
    const uint32_t type = mode & S_IFMT;
    return (type != 0 ? named(type, kFileTypes) + "|" : "") + (mode == type ? "000" : octal(mode & 07777));
}

std::string device_text(uint64_t device) {
    return "makedev(" + hexadecimal(major(device)) + ", " + hexadecimal(minor(device)) + ")";
}

static std::string attributes_text(std::string_view prefix, uint32_t mode, uint64_t size, uint64_t device) {
    const std::string p(prefix);
    std::string text = "{" + p + "mode=" + mode_text(mode);
    if (S_ISCHR(mode) || S_ISBLK(mode))
        text += ", " + p + "rdev=" + device_text(device);
    else
        text += ", " + p + "size=" + std::to_string(size);
    return text + ", ...}";
}

std::string text_of(const struct stat& attributes) {
    return attributes_text("st_", attributes.st_mode, static_cast<uint64_t>(attributes.st_size), attributes.st_rdev);
}

std::string text_of(const struct statx& attributes) {
    return "{stx_mask=" + named(attributes.stx_mask, kStatxMask) + ", " +
           attributes_text("stx_", attributes.stx_mode, attributes.stx_size, makedev(attributes.stx_rdev_major, attributes.stx_rdev_minor))
               .substr(1);
}

std::string text_of(const timespec& time) {
    if (time.tv_nsec == UTIME_NOW) return "UTIME_NOW";
    if (time.tv_nsec == UTIME_OMIT) return "UTIME_OMIT";
    return "{tv_sec=" + std::to_string(time.tv_sec) + ", tv_nsec=" + std::to_string(time.tv_nsec) + "}";
}

std::string text_of(const timeval& time) {
    return "{tv_sec=" + std::to_string(time.tv_sec) + ", tv_usec=" + std::to_string(time.tv_usec) + "}";
}

std::string text_of(const itimerval& timer) {
    return "{it_interval=" + text_of(timer.it_interval) + ", it_value=" + text_of(timer.it_value) + "}";
}

static std::string limit_text(rlim_t limit) {
    if (limit == RLIM_INFINITY) return "RLIM64_INFINITY";
    if (limit != 0 && limit % 1024 == 0) return std::to_string(limit / 1024) + "*1024";
    return std::to_string(limit);
}

std::string text_of(const rlimit& limits) {
    return "{rlim_cur=" + limit_text(limits.rlim_cur) + ", rlim_max=" + limit_text(limits.rlim_max) + "}";
}

std::string text_of(const pollfd& polled) {
    return "{fd=" + std::to_string(polled.fd) + ", events=" + named(static_cast<uint16_t>(polled.events), kPollEvents) + "}";
}

std::string text_of(const KernelSignalAction& action) {
    std::string text = "{sa_handler=";
    text += action.handler == 0 ? "SIG_DFL" : action.handler == 1 ? "SIG_IGN" : hexadecimal(action.handler);
    text += ", sa_mask=" + signal_set(action.mask) + ", sa_flags=" + named(action.flags, kActionFlags);
    constexpr uint64_t kHasRestorer = 0x0400'0000;
    if ((action.flags & kHasRestorer) != 0) text += ", sa_restorer=" + hexadecimal(action.restorer);
    return text + "}";
}

std::string text_of(const CloneArguments& arguments) {
    std::string text = "{flags=" + named(arguments.flags, kCloneFlags);
    if (arguments.child_tid != 0) text += ", child_tid=" + hexadecimal(arguments.child_tid);
    if (arguments.parent_tid != 0) text += ", parent_tid=" + hexadecimal(arguments.parent_tid);
    text += ", exit_signal=" + (arguments.exit_signal == 0 ? "0" : signal_name(arguments.exit_signal));
    text += ", stack=" + pointer(arguments.stack) + ", stack_size=" + hexadecimal(arguments.stack_bytes);
    if (arguments.tls != 0) text += ", tls=" + hexadecimal(arguments.tls);
    return text + "}";
}

std::string text_of(const stack_t& stack) {
    const std::string flags = stack.ss_flags == SS_DISABLE ? "SS_DISABLE" : stack.ss_flags == SS_ONSTACK ? "SS_ONSTACK" : "0";
    return "{ss_sp=" + pointer(reinterpret_cast<uint64_t>(stack.ss_sp)) + ", ss_flags=" + flags +
           ", ss_size=" + std::to_string(stack.ss_size) + "}";
}

std::string text_of(const utsname& name) {
    const auto field = [](const char(&text)[65]) { return quoted(std::string_view(text, ::strnlen(text, sizeof text))); };
    return "{sysname=" + field(name.sysname) + ", nodename=" + field(name.nodename) + ", ...}";
}

std::string wait_status_text(uint32_t given) {
    const int status = static_cast<int>(given);
    if (WIFEXITED(status)) return "[{WIFEXITED(s) && WEXITSTATUS(s) == " + std::to_string(WEXITSTATUS(status)) + "}]";
    if (WIFSTOPPED(status)) return "[{WIFSTOPPED(s) && WSTOPSIG(s) == " + signal_name(static_cast<uint64_t>(WSTOPSIG(status))) + "}]";
    if (WIFCONTINUED(status)) return "[{WIFCONTINUED(s)}]";
    return "[{WIFSIGNALED(s) && WTERMSIG(s) == " + signal_name(static_cast<uint64_t>(WTERMSIG(status))) +
           (WCOREDUMP(status) ? " && WCOREDUMP(s)}]" : "}]");
}

size_t count_directory_records(const std::string& records) {
    constexpr size_t kLengthAt = 16, kSmallest = 20;
    size_t count = 0;
    for (size_t at = 0; at + kSmallest <= records.size(); ++count) {
        uint16_t length;
        std::memcpy(&length, records.data() + at + kLengthAt, sizeof length);
        if (length < kSmallest) break;
        at += length;
    }
    return count;
}

}  // namespace portico::strace
