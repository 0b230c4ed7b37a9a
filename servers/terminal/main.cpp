#include <span>
#include <string_view>

#include "runtime/boot.h"
#include "runtime/native.h"
#include "servers/terminal/server.h"
#include "servers/terminal/settings.h"

using namespace portico;

int main(int argument_count, char** arguments) {
    const terminal::Server::Handles handles{
        .port = boot::grant("terminal.port"), .uart = boot::grant("uart"), .process = boot::grant("process")};
    if (!handles.port || !handles.uart) {
        constexpr std::string_view kMissing = "terminal: terminal.port or uart was not granted\n";
        native::log(kMissing.data(), kMissing.size());
        return 1;
    }
    terminal::Server server(handles,
                            terminal::Settings::parse(std::span<const char* const>(arguments, static_cast<size_t>(argument_count))));
    server.run();
}
