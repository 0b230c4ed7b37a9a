#include "servers/process/credential_rules.h"

#include <gtest/gtest.h>

namespace portico::process {
namespace {

Credentials user(uint32_t id) {
    return {.uid = id, .euid = id, .suid = id, .fsuid = id, .gid = id, .egid = id, .sgid = id, .fsgid = id};
}

TEST(CredentialRules, SignalsGoToOneselfAndFromRoot) {
    EXPECT_TRUE(may_signal(user(0), user(5)));
    EXPECT_TRUE(may_signal(user(5), user(5)));
    EXPECT_FALSE(may_signal(user(5), user(6)));
    EXPECT_FALSE(may_signal(user(5), user(0)));
}

TEST(CredentialRules, SavedIdOfTheTargetCountsItsEffectiveOneDoesNot) {
    Credentials target = user(7);
    target.suid = 5;
    EXPECT_TRUE(may_signal(user(5), target));
    target = user(7);
    target.euid = 5;
    EXPECT_FALSE(may_signal(user(5), target));
}

TEST(CredentialRules, UnprivilegedMaySwitchOnlyAmongItsOwn) {
    Credentials held = user(5);
    held.suid = 9;
    Credentials wanted = held;
    wanted.euid = 9;
    EXPECT_TRUE(may_become(held, wanted));
    wanted.euid = 0;
    EXPECT_FALSE(may_become(held, wanted));
    wanted = held;
    wanted.fsgid = 1;
    EXPECT_FALSE(may_become(held, wanted));
}

TEST(CredentialRules, OnlyRootChangesGroups) {
    Credentials wanted = user(5);
    wanted.group_count = 1;
    wanted.groups[0] = 3;
    EXPECT_FALSE(may_become(user(5), wanted));
    EXPECT_TRUE(may_become(user(0), wanted));
    wanted.group_count = 33;
    EXPECT_FALSE(may_become(user(0), wanted));
}

}  // namespace
}  // namespace portico::process
