#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace portico::strace {

/// Counts and times of calls, as `strace -c` tells them.
class Summary {
public:
    void count(unsigned number, uint64_t time_ns, bool failed);
    /// The table, the call that took longest first.
    std::string table() const;

private:
    struct Totals {
        uint64_t time_ns = 0;
        uint64_t calls = 0;
        uint64_t errors = 0;
    };
    static std::string line(double percent, const Totals& totals, const std::string& name);

    std::map<unsigned, Totals> by_number_;
};

}  // namespace portico::strace
