#include "servers/file/extended_attributes.h"

#include <gtest/gtest.h>

namespace portico::file_server {
namespace {

using Mode = ExtendedAttributes::Mode;

TEST(ExtendedAttributesTest, WhatWasSetIsThereUntilItIsRemoved) {
    ExtendedAttributes attributes;
    ASSERT_TRUE(attributes.set("user.b", "value", Mode::Any));
    ASSERT_TRUE(attributes.set("user.a", std::string_view("\0x", 2), Mode::Any));
    EXPECT_EQ(*attributes.get("user.b"), "value");
    EXPECT_EQ(attributes.get("user.a")->size(), 2u);
    EXPECT_EQ(attributes.list(), std::string("user.a\0user.b\0", 14));
    ASSERT_TRUE(attributes.remove("user.b"));
    EXPECT_EQ(attributes.get("user.b").error(), Error::NotFound);
    EXPECT_EQ(attributes.remove("user.b").error(), Error::NotFound);
}

TEST(ExtendedAttributesTest, CreateAndReplaceWantItAbsentAndThere) {
    ExtendedAttributes attributes;
    EXPECT_EQ(attributes.set("user.a", "1", Mode::Replace).error(), Error::NotFound);
    ASSERT_TRUE(attributes.set("user.a", "1", Mode::Create));
    EXPECT_EQ(attributes.set("user.a", "2", Mode::Create).error(), Error::Exists);
    ASSERT_TRUE(attributes.set("user.a", "3", Mode::Replace));
    EXPECT_EQ(*attributes.get("user.a"), "3");
}

TEST(ExtendedAttributesTest, AFileHasABoundThatReplacingDoesNotUseUp) {
    ExtendedAttributes attributes;
    const std::string large(ExtendedAttributes::kBytesMax - 6, 'x');
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(attributes.set("user.a", large, Mode::Any));
    EXPECT_EQ(attributes.set("user.b", "", Mode::Any).error(), Error::NoSpace);
    ASSERT_TRUE(attributes.remove("user.a"));
    EXPECT_TRUE(attributes.set("user.b", "", Mode::Any));
}

TEST(ExtendedAttributesTest, ClassesAreChecked) {
    EXPECT_TRUE(ExtendedAttributes::check(Kind::File, "user.a"));
    EXPECT_TRUE(ExtendedAttributes::check(Kind::SymbolicLink, "trusted.a"));
    EXPECT_EQ(ExtendedAttributes::check(Kind::SymbolicLink, "user.a").error(), Error::AccessDenied);
    EXPECT_EQ(ExtendedAttributes::check(Kind::File, "other.a").error(), Error::NotSupported);
    EXPECT_EQ(ExtendedAttributes::check(Kind::File, "user.").error(), Error::InvalidArgument);
    EXPECT_EQ(ExtendedAttributes::check(Kind::File, "name").error(), Error::NotSupported);
}

}  // namespace
}  // namespace portico::file_server
