#include "kernel/memory/swap.h"

#include <algorithm>

#include "kernel/memory/paging.h"
#include "kernel/memory/reclaim.h"
#include "kernel/object/process.h"
#include "kernel/sched/cpu.h"

namespace portico::kernel {

SwapSpace::SwapSpace(Memory& object) : object_(object), counts_(object.tree().payer()) {
    ASSERT(current == nullptr);
    current = this;
}

SwapSpace::~SwapSpace() {
    ASSERT(used_ == 0);
    ASSERT(dirty_ == 0);
    ASSERT(being_written_ == 0);
    current = nullptr;
}

uint32_t& SwapSpace::count_in(PhysicalAddress counts, uint64_t number) {
    return static_cast<uint32_t*>(arch::to_virtual(counts))[number % kCounts];
}

uint32_t& SwapSpace::count_of(uint64_t number) {
    const PageTree::Found counts = counts_.find(number / kCounts);
    ASSERT(counts.present);
    return count_in(counts.page, number);
}

/// Next fit. Errors: NoMemory.
Result<uint64_t> SwapSpace::next_free() const {
    const uint64_t total = total_pages();
    uint64_t number = next_ < total ? next_ : 0;
    for (uint64_t looked = 0; looked < total / kCounts + 2; ++looked) {
        const uint64_t end = std::min(number - number % kCounts + kCounts, total);
        const PageTree::Found counts = counts_.find(number / kCounts);
        if (!counts.present) return number;
        if (frames.frame(counts.page).next < kCounts)
            for (; number < end; ++number)
                if (count_in(counts.page, number) == 0) return number;
        number = end < total ? end : 0;
    }
    return fail(Error::NoMemory);
}

bool SwapSpace::take(uint64_t& slot) {
    const PhysicalAddress page{slot};
    Frame& frame = frames.frame(page);
    if (frame.in_swap()) {  // another place of it came first
        const uint64_t number = frame.swap_number();
        share(number);
        slot = PageTree::swapped_slot(number);
        frames.release(page);
        reclaimer.progress();
        return true;
    }
    const Result<uint64_t> number = next_free();
    if (!number) return false;
    const Result<PhysicalAddress> counts = counts_.make_writable(*number / kCounts);
    if (!counts || !object_.tree().make_exclusive(*number, 1)) return false;
    ++frames.frame(*counts).next;
    ++count_in(*counts, *number);
    if (used_++ == 0) object_.add_reference();
    uint64_t& place = *object_.tree().run(*number, 1).slots;
    ASSERT(place == 0);
    place = slot;  // the reference goes over
    frame.enter_swap(*number, Frame::kDirty);
    ++dirty_;
    slot = PageTree::swapped_slot(*number);
    next_ = *number + 1;
    reclaimer.progress();
    return true;
}

void SwapSpace::release(uint64_t number) {
    const PageTree::Found counts = counts_.find(number / kCounts);
    ASSERT(counts.present);
    if (--count_in(counts.page, number) != 0) return;
    if (object_.tree().find(number).present) object_.let_go(number);
    Steps steps;
    if (--frames.frame(counts.page).next == 0) (void)counts_.discard(number / kCounts, number / kCounts + 1, steps);
    object_.paging()->try_again(number);
    if (--used_ == 0) object_.drop_reference();
}

Result<> SwapSpace::bring_in(uint64_t& slot, Account& payer) {
    const uint64_t number = PageTree::swap_number(slot);
    const PageTree::Found found = object_.tree().find(number);
    if (!found.present) {
        // The pager's frame becomes this page's, so there must be one to spare for whoever asks, as for a page that is made.
        const Account& asker = arch::this_cpu().running->process().account();
        if (!frames.has_for(asker, needed_by(asker.kept_free_pages()))) {
            frames.note_refused(asker);
            return fail(Error::NoMemory);
        }
        return object_.miss(number, abi::Access::Read);
    }
    Frame& frame = frames.frame(found.page);
    Account& own = object_.tree().payer();
    if (frame.in_swap() && frame.payer == &own && &payer != &own) {
        TRY(payer.charge_below(Account::first_common(payer, own), abi::kPageBytes));
        frame.payer = &payer;
        own.refund_below(Account::first_common(payer, own), abi::kPageBytes);
    }
    ++frame.references;
    slot = found.page.value;
    release(number);
    if (found.page != zero_page_address()) frame.set_fresh();
    return {};
}

bool SwapSpace::can_be_written() const {
    return object_.handle_count() > 0 && object_.paging()->is_open();
}

uint64_t SwapSpace::room() const {
    constexpr uint64_t kRoomMin = 64;
    const uint64_t dirty_max = std::max(frames.few_pages(), kRoomMin);
    return can_be_written() && dirty_ < dirty_max ? dirty_max - dirty_ : 0;
}

uint64_t SwapSpace::needed_by(uint64_t kept_free_pages) const {
    return 1 + (kept_free_pages > 0 ? object_.paging()->waiting() : 0);
}

uint64_t SwapSpace::wait_ns() const {
    return object_.paging()->wait_ns();
}

void SwapSpace::ask_to_write() {
    if (dirty_ == being_written_ || object_.paging()->wants_back()) return;
    PageTree& tree = object_.tree();
    for (unsigned rounds = 0; rounds < 2;) {
        const uint64_t first = tree.next_present(asked_end_);
        if (first >= total_pages()) {
            asked_end_ = 0;
            ++rounds;
            continue;
        }
        const PageTree::Run run = tree.run(first, PageTree::kSlots);
        uint64_t wanted_first = 0, wanted_end = 0;
        for (uint64_t i = 0; i < run.count; ++i) {
            if (run.slots[i] == 0 || !frames.frame({run.slots[i]}).may_change_unnoticed()) continue;  // clean, or being written
            if (wanted_end == 0) wanted_first = first + i;
            wanted_end = first + i + 1;
        }
        asked_end_ = first + run.count;
        if (wanted_end > 0) return object_.paging()->want_back(wanted_first, wanted_end - wanted_first);
    }
}

uint64_t SwapSpace::used_run(uint64_t number, uint64_t count_max) const {
    uint64_t count = 1;
    while (count < count_max && is_used(number + count)) ++count;
    return count;
}

bool SwapSpace::is_used(uint64_t number) const {
    const PageTree::Found counts = counts_.find(number / kCounts);
    return counts.present && count_in(counts.page, number) != 0;
}

bool SwapSpace::receive(uint64_t number, PhysicalAddress page) {
    if (!is_used(number)) return false;  // read in vain, or ahead
    if (reclaimer.anyone_waits() && !object_.paging()->awaits(number)) return false;
    if (page.value != 0) frames.frame(page).enter_swap(number, Frame::kFresh);
    ++pages_in;
    return true;
}

void SwapSpace::page_leaves(Frame& frame) {
    if (!frame.in_swap()) return;  // the zero page
    page_is_clean(frame);
    frame.next = 0;
    reclaimer.progress();
}

}  // namespace portico::kernel
