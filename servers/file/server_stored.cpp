#include "servers/file/server.h"

/// The file systems that keep things elsewhere: their pages, and when they are written.
namespace portico::file_server {

Result<> Server::add_stored(FileSystem& file_system) {
    constexpr uint64_t kPeriodNs = 5'000'000'000;  // what may be lost when the power fails, if nobody asks for more
    stored_.push_back(&file_system);
    if (stored_.size() > 1) return {};  // the timer runs
    OwnedHandle self(TRY(native::call(abi::PortBadge{port_, kTickBadge, 1})).sender);
    OwnedHandle timer(TRY(native::call(abi::TimerCreate{self.get(), 1})).timer);
    const uint64_t now_ns = TRY(native::call(abi::ClockRead{})).now_ns;
    TRY(native::call(abi::TimerSet{timer.get(), now_ns + kPeriodNs, kPeriodNs}));
    (void)self.release();  // for good, both
    (void)timer.release();
    return {};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::End&) {
    if (call.badge() != file::kControlBadge) return fail(Error::AccessDenied);
    Result<> outcome;
    for (FileSystem* const each : stored_)
        if (const Result<> ended = each->end(); !ended) outcome = ended;
    TRY(outcome);
    return protocols::Empty{};
}

void Server::on_page_in(uint64_t badge, const abi::PageInWords& words) {
    if (pager_ != nullptr) pager_->page_in(badge, words);
}

void Server::on_page_out(uint64_t badge, const abi::PageOutWords& words) {
    if (pager_ != nullptr) pager_->page_out(badge, words);
}

}  // namespace portico::file_server
