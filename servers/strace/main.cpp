#include <span>

#include "runtime/boot.h"
#include "servers/strace/tracer.h"

using namespace portico;

int main(int argument_count, char** arguments) {
    auto output = strace::Output::open(boot::grant("terminal"));
    if (!output) {
        constexpr std::string_view kFailed = "strace: there is no output\n";
        native::log(kFailed.data(), kFailed.size());
        return 1;
    }
    strace::Tracer tracer({.port = boot::grant("strace.port"), .process = boot::grant("process")}, std::move(*output),
                          strace::Settings::parse(std::span<const char* const>(arguments, static_cast<size_t>(argument_count))));
    tracer.run();
}
