#pragma once

#include <span>

#include "servers/strace/call_filter.h"

namespace portico::strace {

/// What the user asked for, from the words of boot/run (docs/strace.md). Words it does not know are for others.
struct Settings {
    CallFilter filter;
    bool summary = false;  ///< the table of counts instead of the calls
    unsigned string_max = 32;

    static Settings parse(std::span<const char* const> words);
};

}  // namespace portico::strace
