#include "tools/port_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <map>
#include <set>

namespace portico::tools {
namespace {

constexpr std::string_view kHeading = "id owner queued queued_max credits senders receivers messages waits_for name";

/// Takes a number and the space behind it off the front of `line`.
bool take_number(std::string_view& line, uint64_t& value) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc{} || end == line.data() + line.size() || *end != ' ') return false;
    line.remove_prefix(static_cast<size_t>(end - line.data()) + 1);
    return true;
}

bool parse_row(std::string_view line, PortRow& row) {
    for (uint64_t* value : {&row.id, &row.owner, &row.queued, &row.queued_max, &row.credits, &row.senders, &row.receivers, &row.messages,
                            &row.waits_for})
        if (!take_number(line, *value)) return false;
    row.name = line.empty() ? "process " + std::to_string(row.owner) : std::string(line);
    return true;
}

struct Column {
    std::string_view title;
    bool to_the_left = false;
};
constexpr std::array<Column, 9> kColumns{
    {{"PORT"}, {"OWNER", true}, {"QUEUED"}, {"MOST"}, {"CREDITS"}, {"SENDERS"}, {"WAITING"}, {"MESSAGES"}, {"PER SECOND"}}};
using Cells = std::array<std::string, kColumns.size()>;

Cells cells_of(const PortRow& row) {
    char rate[32];
    std::snprintf(rate, sizeof rate, "%.1f", row.per_second);
    return {std::to_string(row.id),
            row.name,
            std::to_string(row.queued),
            std::to_string(row.queued_max),
            std::to_string(row.credits),
            std::to_string(row.senders),
            std::to_string(row.receivers),
            std::to_string(row.messages),
            rate};
}

}  // namespace

bool parse_ports(std::string_view text, PortTable& table) {
    table.clear();
    bool heading = true;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        if (end == std::string_view::npos) return false;
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (std::exchange(heading, false)) {
            if (line != kHeading) return false;
        } else if (!parse_row(line, table.emplace_back())) {
            return false;
        }
    }
    return !heading;
}

void compare(PortTable& table, const PortTable& before, double seconds) {
    for (PortRow& row : table) {
        const auto same = std::ranges::find(before, row.id, &PortRow::id);
        const uint64_t earlier = same == before.end() ? 0 : same->messages;
        row.per_second = seconds > 0 ? static_cast<double>(row.messages - earlier) / seconds : 0;
    }
}

PortTable busiest(PortTable table, Order order, size_t count) {
    std::ranges::stable_sort(table, [order](const PortRow& a, const PortRow& b) {
        if (order == Order::Rate && a.per_second != b.per_second) return a.per_second > b.per_second;
        return a.messages > b.messages;
    });
    if (table.size() > count) table.resize(count);
    return table;
}

std::string rings(const PortTable& table) {
    std::map<uint64_t, const PortRow*> by_id;
    for (const PortRow& row : table) by_id[row.id] = &row;
    const auto next = [&](const PortRow* row) {
        const auto found = by_id.find(row->waits_for);
        return found == by_id.end() ? nullptr : found->second;
    };
    std::string text;
    std::set<uint64_t> seen;
    for (const PortRow& row : table) {
        std::set<uint64_t> path;
        const PortRow* at = &row;
        while (at != nullptr && !seen.contains(at->id) && path.insert(at->id).second) at = next(at);
        const bool is_ring = at != nullptr && path.contains(at->id);
        seen.merge(path);
        if (!is_ring) continue;
        text += "ring of calls: port " + std::to_string(at->id) + " (" + at->name + ")";
        const PortRow* other = at;
        do {
            other = next(other);
            text += " waits for " + std::to_string(other->id) + " (" + other->name + ")";
        } while (other != at);
        text += '\n';
    }
    return text;
}

std::string format_ports(const PortTable& table, Order order) {
    const size_t columns = kColumns.size() - (order == Order::Rate ? 0 : 1);
    std::vector<Cells> rows(1);
    for (size_t i = 0; i < columns; ++i) rows[0][i] = kColumns[i].title;
    for (const PortRow& row : table) rows.push_back(cells_of(row));
    std::array<size_t, kColumns.size()> widths{};
    for (const Cells& row : rows)
        for (size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string text;
    for (const Cells& row : rows) {
        for (size_t i = 0; i < columns; ++i) {
            const std::string space(widths[i] - row[i].size(), ' ');
            text += (i == 0 ? "" : "  ") + (kColumns[i].to_the_left ? row[i] + space : space + row[i]);
        }
        text += '\n';
    }
    return text;
}

}  // namespace portico::tools
