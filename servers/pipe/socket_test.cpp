#include "servers/pipe/socket.h"

#include <gtest/gtest.h>

namespace portico::pipe_server {
namespace {

using sockets::Form;
using sockets::Trouble;

struct Test : testing::Test {
    std::shared_ptr<Socket> make(Form form) { return std::make_shared<Socket>(names, form, 0, sockets::Credentials{.pid = 7}); }
    SocketNames names;
};
using SocketTest = Test;

TEST_F(SocketTest, NamesAreTakenOnce) {
    const auto first = make(Form::Stream), second = make(Form::Stream);
    const std::string name("\0name", 5);
    EXPECT_EQ(first->bind({}, name), Trouble::None);
    EXPECT_EQ(first->bind({}, "\0other"), Trouble::AlreadyBound);
    EXPECT_EQ(second->bind({}, name), Trouble::AddressInUse);
    EXPECT_EQ(*first->name(false), name);
    EXPECT_EQ(first->name(true).error(), Error::WrongState);
    EXPECT_EQ(names.find(SocketNames::key_of({}, name)), first);
    first->closed();
    EXPECT_EQ(second->bind({}, name), Trouble::None) << "it went with the socket";
}

TEST_F(SocketTest, FilesAndAbstractNamesDiffer) {
    const auto first = make(Form::Datagram), second = make(Form::Datagram), third = make(Form::Datagram);
    EXPECT_EQ(first->bind({.device = 1, .inode = 5}, "/tmp/s"), Trouble::None);
    EXPECT_EQ(second->bind({.device = 2, .inode = 5}, "/tmp/s"), Trouble::None);
    EXPECT_NE(names.find(SocketNames::key_of({.device = 1, .inode = 5}, "")),
              names.find(SocketNames::key_of({.device = 2, .inode = 5}, "")));
    EXPECT_EQ(third->bind({}, ""), Trouble::None);
    EXPECT_EQ(third->name(false)->size(), 6u) << "chosen";
}

TEST_F(SocketTest, OnlyNamedStreamsListen) {
    const auto socket = make(Form::Stream);
    EXPECT_EQ(socket->listen({.backlog = 1}), Trouble::NotConnected);
    ASSERT_EQ(socket->bind({}, "\0a"), Trouble::None);
    EXPECT_EQ(socket->listen({.backlog = 1}), Trouble::None);
    EXPECT_EQ(socket->events(), 0u);
    EXPECT_EQ(socket->option(30)->value[0], 1u);
    EXPECT_EQ(make(Form::Datagram)->listen({.backlog = 1}), Trouble::WrongForm);
}

TEST_F(SocketTest, EventsOfAPair) {
    auto first = make(Form::Stream), second = make(Form::Stream);
    EXPECT_EQ(first->events(), kPollOut | kPollHangUp) << "not connected";
    Socket::connect_pair(first, second);
    EXPECT_EQ(first->events(), kPollOut);
    EXPECT_EQ(first->option(17)->value[0], 7u);
    EXPECT_EQ(first->shutdown(1), Trouble::None);
    EXPECT_EQ(second->events(), kPollIn | kPollOut | kPollReadHangUp);
    EXPECT_EQ(second->shutdown(1), Trouble::None);
    EXPECT_EQ(first->events(), kPollIn | kPollOut | kPollHangUp | kPollReadHangUp);
    second->closed();
    second.reset();
    EXPECT_EQ(first->events(), kPollIn | kPollOut | kPollHangUp | kPollReadHangUp);
}

TEST_F(SocketTest, Options) {
    const auto socket = make(Form::Packet);
    EXPECT_EQ(socket->option(3)->value[0], 5u);
    EXPECT_EQ(socket->option(39)->value[0], 1u);
    EXPECT_EQ(socket->option(99).error(), Error::NotSupported);
    ASSERT_TRUE(socket->set_option(7, 10'000));
    EXPECT_EQ(socket->option(7)->value[0], 20'000u);
    ASSERT_TRUE(socket->set_option(7, 1));
    EXPECT_EQ(socket->option(7)->value[0], Socket::kBufferBytesMin);
    ASSERT_TRUE(socket->set_option(9, 55));
    EXPECT_EQ(socket->option(9)->value[0], 1u);
    EXPECT_EQ(socket->set_option(3, 1).error(), Error::NotSupported);
}

TEST_F(SocketTest, RightsAreKeptInListsOfWhichTheOldestGo) {
    const auto socket = make(Form::Stream);
    const uint32_t first = socket->add_right(0, Right{.meta = 1});
    EXPECT_EQ(socket->add_right(first, Right{.meta = 2}), first);
    EXPECT_EQ(socket->take_rights(first, 1).at(0).meta, 1u);
    EXPECT_EQ(socket->take_rights(first, 9).at(0).meta, 2u);
    EXPECT_TRUE(socket->take_rights(first, 9).empty());
    const uint32_t lost = socket->add_right(0, Right{.meta = 3});
    for (size_t i = 0; i < Socket::kStashesMax; ++i) (void)socket->add_right(0, Right{.meta = 4});
    EXPECT_TRUE(socket->take_rights(lost, 9).empty());
}

}  // namespace
}  // namespace portico::pipe_server
