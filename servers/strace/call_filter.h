#pragma once

#include <bitset>
#include <string_view>

namespace portico::strace {

/// Which calls are shown: all, or those of a list as in strace's `-e trace=LIST`: names and classes (%file, %desc, %process, %memory,
/// %signal, %network, with or without %), separated by commas; a ! before the list turns it round; "all", "none".
class CallFilter {
public:
    CallFilter() { wanted_.set(); }
    /// What is neither a call nor a class selects nothing.
    static CallFilter parse(std::string_view list);

    bool wants(unsigned number) const { return number >= wanted_.size() ? wants_unknown_ : wanted_[number]; }

private:
    void add(std::string_view item);

    std::bitset<512> wanted_;
    bool wants_unknown_ = true;
};

}  // namespace portico::strace
