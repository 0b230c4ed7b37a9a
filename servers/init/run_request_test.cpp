#include "servers/init/run_request.h"

#include <gtest/gtest.h>

namespace portico::init {
namespace {

using namespace std::string_view_literals;

Result<RunRequest> parse(std::string_view text) {
    std::string line;
    return RunRequest::parse(text, line);
}

TEST(RunRequest, TakesEverything) {
    const auto request = parse(
        "link=framed\0stdin=none\0stdout=stream\0stderr=terminal\0columns=80\0rows=24\0workdir=/tmp\0env=A=b=c\0arg=ls\0arg=\0arg=-l\0"sv);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->link, Link::Framed);
    EXPECT_EQ(request->streams[0], Stream::None);
    EXPECT_EQ(request->streams[1], Stream::Host);
    EXPECT_EQ(request->streams[2], Stream::Terminal);
    EXPECT_EQ(request->working_directory, "/tmp");
    EXPECT_EQ(request->variable("A"), "b=c");
    EXPECT_EQ(request->arguments, (std::vector<std::string>{"ls", "", "-l"}));
    EXPECT_EQ(request->server_words,
              (std::vector<std::string>{"link=framed", "stdin=none", "stdout=stream", "stderr=terminal", "columns=80", "rows=24"}));
}

TEST(RunRequest, TellsTheTracerWhatToShow) {
    const auto request = parse("strace=on\0strace_calls=open,%memory\0strace_summary=on\0strace_string=80\0arg=a"sv);
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->traced);
    EXPECT_EQ(request->server_words,
              (std::vector<std::string>{"strace=on", "strace_calls=open,%memory", "strace_summary=on", "strace_string=80"}));
    EXPECT_FALSE(parse("arg=a"sv)->traced);
}

TEST(RunRequest, GivesWhatProgramsExpectAndLeavesWhatIsGiven) {
    const auto request = parse("env=PATH=/x\0arg=a"sv);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->variable("PATH"), "/x");
    EXPECT_EQ(request->variable("HOME"), "/root");
    EXPECT_EQ(request->variable("PAT"), "");
    EXPECT_EQ(request->environment.size(), 2u);
}

TEST(RunRequest, RefusesWhatItDoesNotUnderstand) {
    for (const std::string_view text :
         {""sv, "arg="sv, "link=odd\0arg=a"sv, "stdout=none\0arg=a"sv, "columns=9x\0arg=a"sv, "env=A\0arg=a"sv, "workdir=tmp\0arg=a"sv,
          "nonsense\0arg=a"sv, "strace=off\0arg=a"sv, "key=value\0arg=a"sv})
        EXPECT_EQ(parse(text).error_or(Error::None), Error::InvalidArgument) << text;
}

TEST(RunRequest, SharesAreTheFileServers) {
    const auto request = parse("share=share0:ro:/a b\0arg=a"sv);
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->keeps_files);
    EXPECT_EQ(request->server_words, std::vector<std::string>{"share=share0:ro:/a b"});
    EXPECT_FALSE(parse("arg=a"sv)->keeps_files);
    for (const std::string_view text : {"share=\0arg=a"sv, "share=:rw:/a\0arg=a"sv, "share=tag:xx:/a\0arg=a"sv, "share=tag:rw:a\0arg=a"sv})
        EXPECT_EQ(parse(text).error_or(Error::None), Error::InvalidArgument) << text;
}

TEST(RunRequest, NamesTheLineThatWasWrong) {
    std::string line;
    EXPECT_FALSE(RunRequest::parse("arg=a\0rows=many\0"sv, line));
    EXPECT_EQ(line, "rows=many");
}

TEST(RunRequest, ShellIsPlainAndInteractive) {
    const RunRequest request = RunRequest::shell();
    EXPECT_EQ(request.link, Link::Plain);
    EXPECT_EQ(request.arguments, (std::vector<std::string>{"/bin/sh"}));
    EXPECT_FALSE(request.variable("PATH").empty());
}

}  // namespace
}  // namespace portico::init
