#include "kernel/memory/paging.h"

#include <algorithm>

#include "kernel/ipc/ipc.h"
#include "kernel/memory/swap.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

namespace portico::kernel {

Paging::Paging(Memory& memory, Ref<Sender> pager, const Process& maker, uint64_t wait_ns)
    : QueueNode(Kind::Paging), memory_(memory), pager_(std::move(pager)), pager_process_(maker.id()), wait_ns_(wait_ns) {
    pager_->port().add_paging(*this);
}

Paging::~Paging() {
    ASSERT(unasked_.empty());
    ASSERT(asked_.empty());
    if (queued_) pager_->port().withdraw(*this);
    pager_->port().remove_paging(*this);
}

/// Why nobody will supply a page: the pager is gone, or is this very process, or keeps a stranger waiting who does not know it.
Error Paging::prospect(const Thread& thread, bool is_others) const {
    if (pager_->port().closed() || (is_others && mute_)) return Error::IoError;
    return thread.process().id() == pager_process_ ? Error::WouldBlock : Error::None;
}

/// The page cannot be had. The thread runs, or is in no list.
static void lose_page(Thread& thread, Error error) {
    abi::Registers& r = thread.frame.registers;
    if (thread.missing.then == Thread::MissingPage::Then::RepeatCall) {
        r.rax = static_cast<uint64_t>(error);
        return;
    }
    raise_fault(thread, {.kind = abi::FaultKind::PageLost,
                         .access = static_cast<uint32_t>(thread.missing.access),
                         .address = thread.awaited.page.address,
                         .instruction = r.rip,
                         .stack = r.rsp,
                         .zero = 0});
}

void Paging::wait(Thread& thread, const AbsentPage& page, uint64_t fault_address, Thread::MissingPage::Then then) {
    Paging& paging = *page.memory->paging();
    // Who has memory of others swapped in waits for the swap server, which is none of theirs.
    const bool is_others = page.space != nullptr && page.space != &thread.process().space() && page.memory->swap_space() == nullptr;
    thread.missing = {.memory = {}, .access = page.access, .then = then};
    thread.awaited.page = {.index = page.index, .address = fault_address};
    if (const Error error = paging.prospect(thread, is_others); error != Error::None) return lose_page(thread, error);

    const uint64_t wait_ns = is_others ? std::min(paging.wait_ns_, kOthersWaitNs) : paging.wait_ns_;
    thread.begin_wait(Thread::Wait::Page, arch::now_ns() + wait_ns);
    thread.missing.memory = Ref<Memory>(*page.memory);
    const auto waits_for_it = [&](const ThreadLink& link) { return link.thread.awaited.page.index == page.index; };
    const bool asked = std::any_of(paging.asked_.begin(), paging.asked_.end(), waits_for_it);
    thread.wait_list = asked ? &paging.asked_ : &paging.unasked_;
    thread.wait_list->push_back(thread.link);
    ++paging.waiting_;
    if (!asked) paging.queue();
}

void Paging::queue() {
    if (queued_) return;
    queued_ = true;
    pager_->port().post(*this);
}

void Paging::want_back(uint64_t first_page, uint64_t page_count) {
    if (wanted_pages_ > 0 || pager_->port().closed()) return;
    wanted_first_ = first_page;
    wanted_pages_ = page_count;
    queue();
}

/// Out of the lists; the pager is not asked in vain.
void Paging::unlink(Thread& thread) {
    thread.wait_list->erase(thread.wait_list->iterator_to(thread.link));
    --waiting_;
    if (!queued_ || has_more()) return;
    queued_ = false;
    pager_->port().withdraw(*this);
}

void Paging::end_wait(Thread& thread, Error error) {
    const Ref<Memory> memory = std::move(thread.missing.memory);
    Paging& paging = *memory->paging();
    paging.unlink(thread);
    if (error == Error::None || error == Error::Interrupted) return thread.retry_wait();
    if (error == Error::TimedOut) paging.mute_ = true;
    note(TraceEvent::Wake, &thread, static_cast<uint64_t>(error));
    thread.stop_waiting();
    lose_page(thread, error == Error::TimedOut ? Error::IoError : error);
    if (thread.state() == Thread::State::Blocked && thread.wait() == Thread::Wait::None) scheduler.make_ready(thread);
}

/// Ending one wait may end others, of the same process; so those concerned are set apart first.
template <class Matches>
void Paging::end_waits(Matches matches, Error error) {
    const Ref<Memory> kept(memory_);
    ThreadList ending;
    for (ThreadList* list : {&unasked_, &asked_})
        for (auto it = list->begin(); it != list->end();) {
            Thread& thread = it->thread;
            ++it;
            if (!matches(thread)) continue;
            list->erase(list->iterator_to(thread.link));
            thread.wait_list = &ending;
            ending.push_back(thread.link);
        }
    while (!ending.empty()) end_wait(ending.front().thread, error);
}

void Paging::conclude(uint64_t first_page, uint64_t page_count, Error error) {
    mute_ = false;
    end_waits([&](const Thread& thread) { return thread.awaited.page.index - first_page < page_count; }, error);
}

bool Paging::awaits(uint64_t index) const {
    const auto waits_for_it = [&](const ThreadLink& link) { return link.thread.awaited.page.index == index; };
    return std::any_of(asked_.begin(), asked_.end(), waits_for_it) || std::any_of(unasked_.begin(), unasked_.end(), waits_for_it);
}

void Paging::try_again(uint64_t index) {
    if (waiting_ == 0) [[likely]]
        return;
    end_waits([&](const Thread& thread) { return thread.awaited.page.index == index; }, Error::None);
}

void Paging::port_closed() {
    wanted_pages_ = 0;
    end_waits([](const Thread&) { return true; }, Error::IoError);
}

void Paging::serve(const Process& process) {
    if (process.id() == pager_process_) return;
    pager_process_ = process.id();
    mute_ = false;
    memory_.forget_being_written();
    for (ThreadLink& link : asked_) link.thread.wait_list = &unasked_;
    unasked_.splice(unasked_.begin(), asked_);
    if (has_more()) queue();
    if (memory_.swap_space() != nullptr) memory_.swap_space()->ask_to_write();
}

Message Paging::take(const Process& receiver) {
    serve(receiver);
    if (wanted_pages_ > 0) return take_back();
    const Thread& first = unasked_.front().thread;
    const uint64_t index = first.awaited.page.index;
    const Message message{.badge = pager_->badge(),
                          .header = abi::Header{}.with_kind(MessageKind::PageIn),
                          .word = {index * abi::kPageBytes, memory_.absent_run(index) * abi::kPageBytes,
                                   static_cast<uint64_t>(first.missing.access), memory_.id()}};
    for (auto it = unasked_.begin(); it != unasked_.end();) {
        Thread& thread = it->thread;
        ++it;
        if (thread.awaited.page.index != index) continue;
        unasked_.erase(unasked_.iterator_to(thread.link));
        thread.wait_list = &asked_;
        asked_.push_back(thread.link);
    }
    queued_ = has_more();  // then the port queues it again
    return message;
}

Message Paging::take_back() {
    const uint64_t pages = std::exchange(wanted_pages_, 0);
    queued_ = has_more();
    return {.badge = pager_->badge(),
            .header = abi::Header{}.with_kind(MessageKind::PageOut),
            .word = {wanted_first_ * abi::kPageBytes, pages * abi::kPageBytes, memory_.id()}};
}

}  // namespace portico::kernel
