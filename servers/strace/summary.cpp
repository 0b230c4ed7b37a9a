#include "servers/strace/summary.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "servers/strace/call_text.h"

namespace portico::strace {

void Summary::count(unsigned number, uint64_t time_ns, bool failed) {
    Totals& totals = by_number_[number];
    totals.time_ns += time_ns;
    ++totals.calls;
    if (failed) ++totals.errors;
}

std::string Summary::line(double percent, const Totals& totals, const std::string& name) {
    const std::string errors = totals.errors == 0 ? "" : std::to_string(totals.errors);
    char text[160];
    std::snprintf(text, sizeof text, "%6.2f %11.6f %11lu %9lu %9s %s\n", percent, static_cast<double>(totals.time_ns) / 1e9,
                  totals.calls == 0 ? 0 : totals.time_ns / 1000 / totals.calls, totals.calls, errors.c_str(), name.c_str());
    return text;
}

std::string Summary::table() const {
    static constexpr char kRule[] = "------ ----------- ----------- --------- --------- ----------------\n";
    std::vector<std::pair<unsigned, Totals>> rows(by_number_.begin(), by_number_.end());
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second.time_ns > b.second.time_ns; });
    Totals all;
    for (const auto& [number, totals] : rows) {
        all.time_ns += totals.time_ns;
        all.calls += totals.calls;
        all.errors += totals.errors;
    }
    std::string text = "% time     seconds  usecs/call     calls    errors syscall\n";
    text += kRule;
    for (const auto& [number, totals] : rows) {
        const double percent = all.time_ns == 0 ? 0 : 100.0 * static_cast<double>(totals.time_ns) / static_cast<double>(all.time_ns);
        text += line(percent, totals, CallText::name(number));
    }
    return text + kRule + line(100, all, "total");
}

}  // namespace portico::strace
