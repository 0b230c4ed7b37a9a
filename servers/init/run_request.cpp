#include "servers/init/run_request.h"

#include <algorithm>
#include <optional>

namespace portico::init {

namespace {

constexpr std::string_view kServerKeys[] = {"link", "stdin",        "stdout",       "stderr",         "columns",
                                            "rows", "strace",       "strace_calls", "strace_summary", "strace_string",
                                            "swap", "limit_memory", "limit_tasks",  "root",           "share"};

std::optional<Stream> stream_named(std::string_view value, bool may_be_none) {
    if (value == "terminal") return Stream::Terminal;
    if (value == "stream") return Stream::Host;
    if (value == "none" && may_be_none) return Stream::None;
    return std::nullopt;
}

bool is_number(std::string_view value, size_t digits_max = 5) {
    return !value.empty() && value.size() <= digits_max && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
}

/// TAG:rw:/PATH or TAG:ro:/PATH.
bool is_share(std::string_view value) {
    const size_t colon = value.find(':');
    if (colon == 0 || colon == std::string_view::npos) return false;
    const std::string_view rest = value.substr(colon + 1);
    return rest.starts_with("rw:/") || rest.starts_with("ro:/");
}

/// What only servers understand.
bool is_for_servers(std::string_view key, std::string_view value) {
    if (key == "columns" || key == "rows" || key == "strace_string") return is_number(value);
    if (key == "limit_memory" || key == "limit_tasks") return is_number(value, 18);
    if (key == "swap" || key == "root") return value.size() == 3 && value.starts_with("vd");  // which disk
    if (key == "share") return is_share(value);
    return key == "strace_calls" || (key == "strace_summary" && value == "on");
}

}  // namespace

Result<> RunRequest::take(std::string_view key, std::string_view value) {
    constexpr std::string_view names[] = {"stdin", "stdout", "stderr"};
    for (size_t i = 0; i < std::size(names); ++i) {
        if (key != names[i]) continue;
        const auto stream = stream_named(value, i == 0);
        if (!stream) return fail(Error::InvalidArgument);
        streams[i] = *stream;
        return {};
    }
    if (key == "link" && (value == "framed" || value == "plain")) {
        link = value == "framed" ? Link::Framed : Link::Plain;
    } else if (key == "workdir" && value.starts_with('/')) {
        working_directory = value;
    } else if (key == "env" && value.find('=') != std::string_view::npos) {
        environment.emplace_back(value);
    } else if (key == "arg") {
        arguments.emplace_back(value);
    } else if (key == "strace" && value == "on") {
        traced = true;
    } else if (!is_for_servers(key, value)) {
        return fail(Error::InvalidArgument);
    }
    keeps_files = keeps_files || key == "root" || key == "share";
    return {};
}

Result<RunRequest> RunRequest::parse(std::string_view text, std::string& line) {
    RunRequest request;
    while (!text.empty()) {
        const std::string_view entry = text.substr(0, text.find('\0'));
        text.remove_prefix(std::min(text.size(), entry.size() + 1));
        if (entry.empty()) continue;  // padding
        const size_t equals = entry.find('=');
        const std::string_view key = entry.substr(0, equals);
        const Result<> taken =
            equals == std::string_view::npos ? fail(Error::InvalidArgument) : request.take(key, entry.substr(equals + 1));
        if (!taken) {
            line = entry;
            return fail(taken.error());
        }
        if (std::ranges::find(kServerKeys, key) != std::end(kServerKeys)) request.server_words.emplace_back(entry);
    }
    if (request.arguments.empty() || request.arguments[0].empty()) {
        line = "arg";
        return fail(Error::InvalidArgument);
    }
    request.add_defaults();
    return request;
}

RunRequest RunRequest::shell() {
    RunRequest request;
    request.arguments = {"/bin/sh"};
    request.server_words = {"link=plain"};
    request.add_default("TERM", "vt102");
    request.add_defaults();
    return request;
}

std::string_view RunRequest::variable(std::string_view name) const {
    for (const std::string& entry : environment)
        if (entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=')
            return std::string_view(entry).substr(name.size() + 1);
    return {};
}

void RunRequest::add_default(std::string_view name, std::string_view value) {
    const bool given = std::ranges::any_of(environment, [&](const std::string& entry) {
        return entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=';
    });
    if (!given) environment.push_back(std::string(name) + "=" + std::string(value));
}

void RunRequest::add_defaults() {
    add_default("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    add_default("HOME", "/root");
}

}  // namespace portico::init
