#include "posix/files/path_rewrite.h"

#include <string_view>

#include "posix/files/decimal.h"

namespace portico::posix {
namespace {

/// Walks a path's components; repeated slashes and "." are skipped as a file system would.
struct Components {
    std::string_view path;
    uint32_t position = 0;  // behind the last component taken

    std::string_view next() {
        for (;;) {
            while (position < path.size() && path[position] == '/') ++position;
            const uint32_t start = position;
            while (position < path.size() && path[position] != '/') ++position;
            const std::string_view component(path.data() + start, position - start);
            if (component != ".") return component;
        }
    }
};

/// Decimal digits, no sign, no leading zero; -1 for anything else.
int32_t number_of(std::string_view digits) {
    if (digits.empty() || digits.size() > 9 || (digits.size() > 1 && digits[0] == '0')) return -1;
    int32_t number = 0;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') return -1;
        number = number * 10 + (digit - '0');
    }
    return number;
}

/// "/proc/" PID tail
struct ProcessName {
    char text[40];
    uint32_t length_bytes = 0;

    ProcessName(int32_t pid, std::string_view tail) {
        append("/proc/");
        length_bytes += write_decimal(text + length_bytes, static_cast<uint32_t>(pid));
        append(tail);
    }
    void append(std::string_view more) {
        for (const char c : more) text[length_bytes++] = c;
    }
    std::string_view view() const { return {text, length_bytes}; }
};

SpecialPath descriptor_path(int32_t number) {
    return {SpecialPath::Kind::Descriptor, number};
}

Result<SpecialPath> rewrite_below_dev(PathBuffer& path, Components walk, int32_t pid) {
    const std::string_view name = walk.next();
    const uint32_t name_end = walk.position;
    const std::string_view below = walk.next();
    if (name == "fd") {
        const int32_t number = number_of(below);
        const bool whole = number >= 0 && walk.next().empty();
        if (!path.replace_head(name_end, ProcessName(pid, "/fd").view())) return fail(Error::NameTooLong);
        if (below.empty()) return SpecialPath{SpecialPath::Kind::DescriptorDirectory};
        return whole ? descriptor_path(number) : SpecialPath{};
    }
    if (!below.empty()) return SpecialPath{};
    if (name == "tty") return SpecialPath{SpecialPath::Kind::Terminal};
    if (name == "stdin") return descriptor_path(0);
    if (name == "stdout") return descriptor_path(1);
    if (name == "stderr") return descriptor_path(2);
    return SpecialPath{};
}

Result<SpecialPath> rewrite_below_proc(PathBuffer& path, Components walk, int32_t pid) {
    const std::string_view name = walk.next();
    const uint32_t name_end = walk.position;
    const bool self = name == "self" || name == "thread-self";
    if (!self && number_of(name) != pid) return SpecialPath{};
    SpecialPath special;
    if (walk.next() == "fd") {
        const std::string_view below = walk.next();
        const int32_t number = number_of(below);
        if (below.empty()) special = {SpecialPath::Kind::DescriptorDirectory};
        if (number >= 0 && walk.next().empty()) special = descriptor_path(number);
    }
    if (self && !path.replace_head(name_end, ProcessName(pid, "").view())) return fail(Error::NameTooLong);
    return special;
}

}  // namespace

Result<SpecialPath> rewrite_path(PathBuffer& path, int32_t pid) {
    if (!path.absolute()) return SpecialPath{};
    Components walk{path.text()};
    const std::string_view top = walk.next();
    if (top == "dev") return rewrite_below_dev(path, walk, pid);
    if (top == "proc") return rewrite_below_proc(path, walk, pid);
    return SpecialPath{};
}

}  // namespace portico::posix
