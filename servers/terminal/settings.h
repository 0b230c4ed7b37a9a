#pragma once

#include <span>
#include <string_view>

#include "servers/terminal/output_queue.h"
#include "servers/terminal/termios.h"

namespace portico::terminal {

/// How the server was started: `link=framed|plain columns=N rows=N`. Words it does not know are for others.
struct Settings {
    Framing framing = Framing::Plain;
    WindowSize window{.rows = 24, .columns = 80};

    static Settings parse(std::span<const char* const> words);
};

}  // namespace portico::terminal
