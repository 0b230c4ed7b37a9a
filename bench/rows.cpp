#include "bench/rows.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace portico::bench {
namespace {

struct Wanted {
    Settings settings;
    std::vector<std::string_view> filters;

    bool contains(std::string_view name) const {
        return filters.empty() || std::ranges::any_of(filters, [&](std::string_view part) { return name.contains(part); });
    }
};

Wanted read_flags(std::span<char*> words) {
    Wanted wanted;
    for (const std::string_view word : words) {
        if (word == "--time")
            wanted.settings = {.unit = Unit::Nanoseconds, .batches = 15, .operations = 200};
        else if (word == "--quick")
            wanted.settings.batches = 3, wanted.settings.operations = 20;
        else if (word.starts_with("-"))
            give_up("unknown flag (there are --time and --quick)", 2);
        else
            wanted.filters.push_back(word);
    }
    return wanted;
}

}  // namespace

int run_rows(int count, char** arguments, std::span<const Rows> families) {
    const Wanted wanted = read_flags({arguments + 1, static_cast<size_t>(count - 1)});
    Measure measure(wanted.settings);
    measure.begin_row("overhead_readings");
    measure.report({measure.overhead().readings, measure.overhead().readings});
    measure.begin_row("overhead_operation");
    measure.report({measure.overhead().operation, measure.overhead().operation});
    for (const Rows& rows : families) {
        for (const Row& row : rows) {
            if (!wanted.contains(row.name)) continue;
            measure.begin_row(row.name);
            row.run(measure);
        }
    }
    return 0;
}

}  // namespace portico::bench
