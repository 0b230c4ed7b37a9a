#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The ports of the system as /proc/portico/ports tells them, and as `ports` shows them.
namespace portico::tools {

struct PortRow {
    uint64_t id = 0, owner = 0;
    uint64_t queued = 0, queued_max = 0, credits = 0, senders = 0, receivers = 0, messages = 0;
    uint64_t waits_for = 0;  ///< the port whose owner its own owner calls; 0 for none
    std::string name;       ///< the owner's
    double per_second = 0;  ///< messages, since the table before
};

using PortTable = std::vector<PortRow>;

/// Reads the text of /proc/portico/ports. False if it is not of that form.
bool parse_ports(std::string_view text, PortTable& table);

/// Fills `per_second` from the same table `seconds` earlier. Ports that are new count from zero.
void compare(PortTable& table, const PortTable& before, double seconds);

enum class Order : uint8_t { Messages, Rate };
/// The busiest first, at most `count` of them.
PortTable busiest(PortTable table, Order order, size_t count);

/// Owners that wait for each other in a ring of calls, each ring a line: none of them will go on by itself.
std::string rings(const PortTable& table);

/// Aligned columns below a heading; the rate is shown with Order::Rate.
std::string format_ports(const PortTable& table, Order order);

}  // namespace portico::tools
