#include "tools/port_table.h"

#include <gtest/gtest.h>

namespace portico::tools {
namespace {

constexpr std::string_view kText =
    "id owner queued queued_max credits senders receivers messages waits_for name\n"
    "3 2 0 4 126 2 1 1000 0 uart\n"
    "4 3 1 12 9 7 0 5 3 a name\n"
    "90 77 0 0 0 0 0 1000000 0 \n";

PortTable parsed(std::string_view text) {
    PortTable table;
    EXPECT_TRUE(parse_ports(text, table));
    return table;
}

TEST(PortTableTest, ParsesLines) {
    const PortTable table = parsed(kText);
    ASSERT_EQ(table.size(), 3u);
    EXPECT_EQ(table[0].id, 3u);
    EXPECT_EQ(table[0].queued_max, 4u);
    EXPECT_EQ(table[0].credits, 126u);
    EXPECT_EQ(table[0].messages, 1000u);
    EXPECT_EQ(table[1].name, "a name");
    EXPECT_EQ(table[1].receivers, 0u);
    EXPECT_EQ(table[2].name, "process 77");
}

TEST(PortTableTest, RefusesWhatItDoesNotKnow) {
    PortTable table;
    for (const std::string text : {"", "id\n", "id owner queued queued_max credits senders receivers messages waits_for name",
                                   "id owner queued queued_max credits senders receivers messages waits_for name\n1 2 3\n",
                                   "id owner queued queued_max credits senders receivers messages waits_for name\n1 2 3 4 5 6 7 x name\n"})
        EXPECT_FALSE(parse_ports(text, table)) << text;
}

TEST(PortTableTest, TellsRingsOfCalls) {
    EXPECT_EQ(rings(parsed(kText)), "") << "one waits for another that does not wait";
    PortTable table(5);
    for (uint64_t i = 0; i < 5; ++i) {
        table[i].id = i + 1;
        table[i].name = std::string(1, static_cast<char>('a' + i));
    }
    table[0].waits_for = 2;  // into the ring
    table[1].waits_for = 3;
    table[2].waits_for = 2;
    table[3].waits_for = 9;  // not in the list
    table[4].waits_for = 5;
    EXPECT_EQ(rings(table),
              "ring of calls: port 2 (b) waits for 3 (c) waits for 2 (b)\n"
              "ring of calls: port 5 (e) waits for 5 (e)\n");
}

TEST(PortTableTest, SortsTheBusiestFirst) {
    PortTable table = parsed(kText);
    EXPECT_EQ(busiest(table, Order::Messages, 2)[0].id, 90u);
    EXPECT_EQ(busiest(table, Order::Messages, 2).size(), 2u);
    PortTable later = table;
    later[1].messages += 30;
    later[0].messages += 10;
    later.push_back({.id = 91, .messages = 8, .name = "new"});
    compare(later, table, 2.0);
    const PortTable sorted = busiest(later, Order::Rate, 10);
    ASSERT_EQ(sorted.size(), 4u);
    EXPECT_EQ(sorted[0].id, 4u);
    EXPECT_DOUBLE_EQ(sorted[0].per_second, 15.0);
    EXPECT_EQ(sorted[1].id, 3u);
    EXPECT_EQ(sorted[2].id, 91u);
    EXPECT_DOUBLE_EQ(sorted[2].per_second, 4.0);
    EXPECT_EQ(sorted[3].per_second, 0);
}

TEST(PortTableTest, AlignsColumns) {
    EXPECT_EQ(format_ports(busiest(parsed(kText), Order::Messages, 3), Order::Messages),
              "PORT  OWNER       QUEUED  MOST  CREDITS  SENDERS  WAITING  MESSAGES\n"
              "  90  process 77       0     0        0        0        0   1000000\n"
              "   3  uart             0     4      126        2        1      1000\n"
              "   4  a name           1    12        9        7        0         5\n");
    EXPECT_EQ(format_ports({{.id = 1, .name = "x", .per_second = 12.345}}, Order::Rate),
              "PORT  OWNER  QUEUED  MOST  CREDITS  SENDERS  WAITING  MESSAGES  PER SECOND\n"
              "   1  x           0     0        0        0        0         0        12.3\n");
}

}  // namespace
}  // namespace portico::tools
