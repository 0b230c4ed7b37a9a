#include "kernel/arch/hosted/random_calls.h"

#include <bit>

#include "kernel/ipc/ipc.h"
#include "kernel/memory/reclaim.h"

namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr uint64_t kBase = 0x4000'0000, kPages = 64;
constexpr uint64_t kOwnPages = kPages / 2;                                          // private memory, from kBase on
constexpr uint64_t kPagedPages = 16, kPagedBase = kBase + (kOwnPages + 4) * kPage;  // an object of another's, or of one's own
constexpr uint64_t kFreePagesMin = 40, kKeptPages = 16;

template <class... Calls>
bool is_one_of(uint64_t number) {
    return ((number == Calls::doc.number) || ...);
}

}  // namespace

RandomCalls::RandomCalls(Machine& machine, Choices& choices, uint64_t account_bytes)
    : machine_(machine),
      choices_(choices),
      account_(machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), account_bytes, kKeptPages); })) {}

RandomCalls::~RandomCalls() {
    let_frames_go();
    machine_.in_kernel([&] {
        threads_.clear();
        account_ = nullptr;
    });
}

void RandomCalls::add_process() {
    Thread& thread = machine_.make_thread(machine_.make_process({}, account_.get()));
    remember(thread, machine_.make_resource(thread).value);
    const auto flags = static_cast<uint64_t>(abi::MapFlags::Fixed | abi::Access::ReadWrite);
    machine_.call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, kBase, kOwnPages * kPage, flags});
    if (one_in(2)) machine_.call(thread, abi::ProcessSetEntries{abi::kSelfProcess, below(2) * 0x2100'0000, 0x2000'0000});
    const Handle port = machine_.call(thread, abi::PortCreate{})->port;
    const Handle sender = machine_.call(thread, abi::PortBadge{port, 1, 8, 8})->sender;
    for (const Handle made :
         {port, sender, machine_.call(thread, abi::SetCreate{})->set, machine_.call(thread, abi::MemoryCreate{8 * kPage})->memory})
        remember(thread, made.value);
    if (!one_in(4)) add_paged_object(thread, sender);
    if (!threads_.empty()) {
        Thread& other = *threads_[below(threads_.size())];
        if (other.state() != Thread::State::Dead) {
            const Handle given = machine_.give(thread, sender, other);
            remember(other, given.value);
            if (machine_.runnable(other) && one_in(2)) machine_.call(other, abi::ProcessSetService{abi::kSelfProcess, given});
        }
    }
    keep(thread);
}

/// An object whose pager is this process.
void RandomCalls::add_paged_object(Thread& pager, Handle sender) {
    const auto made = machine_.call(pager, abi::MemoryCreatePaged{kPagedPages * kPage, sender, 1 + below(20'000'000)});
    if (made) remember(pager, made->memory.value);
}

/// An object of one process becomes another's to use.
void RandomCalls::share_paged_object(Thread& pager, Thread& user) {
    uint64_t own = 0;
    for (const uint64_t value : values_of_[pager.process().id()])
        if (paged_memory(pager, value) != nullptr) own = value;
    if (own == 0 || &pager.process() == &user.process() || !machine_.runnable(pager) || !machine_.runnable(user)) return;
    const auto limited = machine_.call(pager, abi::HandleDuplicate{Handle{own}, static_cast<uint64_t>(~abi::Rights::Control)});
    if (!limited || !machine_.runnable(user)) return;
    const Result<Handle> given =
        machine_.in_kernel([&] { return user.process().handles().add((*pager.process().handles().find(limited->handle))->duplicate()); });
    if (!given) return;
    remember(user, given->value);
    const auto flags = static_cast<uint64_t>(abi::MapFlags::Fixed | abi::Access::ReadWrite) |
                       (one_in(3) ? 0 : static_cast<uint64_t>(abi::MapFlags::Shared));
    machine_.call(user, abi::SpaceMap{abi::kSelfSpace, *given, 0, kPagedBase, kPagedPages * kPage, flags});
}

void RandomCalls::make_frames_few() {
    machine_.in_kernel([&] {
        while (!frames.are_few()) {
            const Result<PhysicalAddress> page = frames.allocate(machine_.root());
            if (!page) return;
            hoard_.push_back(*page);
        }
    });
}

void RandomCalls::let_frames_go() {
    machine_.in_kernel([&] {
        for (const PhysicalAddress page : std::exchange(hoard_, {})) frames.free(page);
    });
}

void RandomCalls::keep(Thread& thread) {
    threads_.push_back(machine_.in_kernel([&] { return Ref<Thread>(thread); }));
}

void RandomCalls::remember(Thread& thread, uint64_t value) {
    std::vector<uint64_t>& values = values_of_[thread.process().id()];
    if (values.size() < 200)
        values.push_back(value);
    else
        values[below(values.size())] = value;
}

// ---- arguments

uint64_t RandomCalls::address() {
    return kBase + below(kPages) * kPage + (one_in(3) ? below(kPage) & ~7ull : 0);
}

uint64_t RandomCalls::any_argument(Thread& thread) {
    const std::vector<uint64_t>& values = values_of_[thread.process().id()];
    switch (below(8)) {
    case 0:
        return below(8);
    case 1:
        return uint64_t{1 + below(4)} << 20;  // the pseudo-handles
    case 2:
        return below(20) * kPage;
    case 3:
        return choices_.any();
    case 4:
        return ~uint64_t{0} - below(3);
    case 5:
        return address();
    case 6:
        return machine_.hardware.now_ns() + below(100'000);
    default:
        return values.empty() ? 0 : values[below(values.size())];
    }
}

/// Something that this process got and that is now a handle of the type, if there is one.
uint64_t RandomCalls::handle_of(Thread& thread, abi::ObjectType type) {
    const std::vector<uint64_t>& values = values_of_[thread.process().id()];
    for (int tries = 0; tries < 12 && !values.empty(); ++tries) {
        const uint64_t value = values[below(values.size())];
        const auto found = thread.process().handles().find(Handle{value});
        if (found && (*found)->object()->type() == type) return value;
    }
    return any_argument(thread);
}

Memory* RandomCalls::paged_memory(Thread& thread, uint64_t handle) {
    const auto memory = thread.process().handles().get<Memory>(Handle{handle}, abi::Rights::Control);
    return memory && (*memory)->paging() != nullptr ? *memory : nullptr;
}

/// The pager's handle of an object.
uint64_t RandomCalls::paged_handle(Thread& thread, uint64_t memory_id) {
    for (const uint64_t value : values_of_[thread.process().id()])
        if (const Memory* memory = paged_memory(thread, value); memory != nullptr && memory->id() == memory_id) return value;
    return handle_of(thread, abi::ObjectType::Memory);
}

/// A port to receive from at which something waits, if one of a few has that.
uint64_t RandomCalls::full_port(Thread& thread) {
    uint64_t value = 0;
    for (int tries = 0; tries < 12; ++tries) {
        value = handle_of(thread, abi::ObjectType::Port);
        const auto port = thread.process().handles().get<Port>(Handle{value}, abi::Rights::Receive);
        if (port && !(*port)->empty()) break;
    }
    return value;
}

/// Whether the process is to hear of pages of an object that it is the pager of.
bool RandomCalls::is_asked(Thread& thread) {
    HandleTable& handles = thread.process().handles();
    return std::ranges::any_of(values_of_[thread.process().id()], [&](uint64_t value) {
        Port* port = handles.get_or_null<Port>(Handle{value}, abi::Rights::Receive);
        return port != nullptr && !port->empty() && port->front().node_kind() == QueueNode::Kind::Paging;
    });
}

uint64_t RandomCalls::call_id(Thread& thread) {
    const Call* taken = thread.process().calls().first();
    if (taken != nullptr && one_in(2)) return taken->message.id;
    const std::vector<uint64_t>& ids = ids_of_[thread.process().id()];
    return ids.empty() ? 0 : ids[below(ids.size())];
}

/// An argument that often makes sense, by the name it has in the call's description.
uint64_t RandomCalls::argument(Thread& thread, std::string_view name) {
    using abi::ObjectType;
    static constexpr std::pair<std::string_view, ObjectType> kTypes[] = {
        {"port", ObjectType::Port},          {"reply_port", ObjectType::Port}, {"sender", ObjectType::Sender},
        {"supervisor", ObjectType::Sender},  {"service", ObjectType::Sender},  {"memory", ObjectType::Memory},
        {"space", ObjectType::AddressSpace}, {"process", ObjectType::Process}, {"thread", ObjectType::Thread},
        {"timer", ObjectType::Timer},        {"io", ObjectType::IoPorts},      {"interrupt", ObjectType::Interrupt},
        {"resource", ObjectType::Resource},  {"account", ObjectType::Account}, {"set", ObjectType::PortSet}};
    static constexpr std::pair<std::string_view, Handle> kOwn[] = {
        {"space", abi::kSelfSpace}, {"process", abi::kSelfProcess}, {"account", abi::kSelfAccount}};
    if (one_in(10)) return any_argument(thread);
    if (one_in(3))
        for (const auto& [each, handle] : kOwn)
            if (name == each) return handle.value;
    for (const auto& [each, type] : kTypes)
        if (name == each) return handle_of(thread, type);
    for (const std::string_view each : {"address", "info", "start", "state", "registers", "target", "clear", "clear_too", "above"})
        if (name == each) return address();
    if (name == "length" || name == "size") return one_in(3) ? below(20) * kPage : below(200);
    if (name == "pages") return below(12);
    if (name == "offset" && one_in(2)) return 0;
    if (name == "offset" && one_in(4)) return address();
    if (name == "offset") return below(2) * kPage * below(4);
    if (name == "deadline") return machine_.hardware.now_ns() + below(100'000);
    if (name == "id") return call_id(thread);
    if (name == "line" || name == "bits" || name == "width" || name == "count" || name == "credits") return 1 + below(kLines - 1);
    if (name == "shared" || name == "expected" || name == "level") return below(2);
    if (name == "mode") return below(4);
    if (name == "error") return one_in(4);
    if (name == "wait") return below(2) * 200'000;
    if (name == "flags") return below(128) | (one_in(2) ? 3 : 0);
    if (name == "base" || name == "access") return below(8);
    return any_argument(thread);
}

void RandomCalls::load(Thread& thread, uint64_t number) {
    abi::Registers& r = thread.frame.registers;
    for (uint64_t* one : {&r.r12, &r.r13, &r.r14, &r.r15}) *one = any_argument(thread);
    r.rbx = one_in(2) ? below(10'000) | below(10'000) << 32 : choices_.any();
    uint64_t* const registers[] = {&r.rdi, &r.rsi, &r.rdx, &r.r10, &r.r8, &r.r9};
    for (size_t i = 0; i < 6; ++i)
        *registers[i] =
            number < abi::Syscalls::kCount ? argument(thread, abi::Syscalls::kDocs[number].arguments[i].name) : any_argument(thread);
    if (number == abi::PortSendBatch::doc.number) r.rdi = handle_of(thread, abi::ObjectType::Sender);
    if (number == abi::PortReceiveBatch::doc.number) r.rdi = handle_of(thread, abi::ObjectType::Port);
    if (number == abi::MemorySupply::doc.number) load_supply(thread);
    if (number == abi::MemoryDetach::doc.number) load_detachment(thread);
    const bool is_message_call = number >= abi::PortSend::doc.number && number <= abi::PortReplyReceive::doc.number;
    if (is_message_call || is_one_of<abi::PortForward, abi::PortSendWait>(number)) load_message(thread, number);
}

/// What the pager was asked for, most often; sometimes from the wrong place, of the wrong object, or that there is nothing.
void RandomCalls::load_supply(Thread& thread) {
    std::vector<Asked>& asked = asked_of_[thread.process().id()];
    if (asked.empty() || one_in(5)) return;
    const size_t which = below(asked.size());
    const Asked due = asked[which];
    if (!one_in(8)) asked.erase(asked.begin() + static_cast<long>(which));
    abi::Registers& r = thread.frame.registers;
    if (!one_in(10)) r.rdi = paged_handle(thread, due.memory_id);
    if (!one_in(10)) r.rsi = due.offset;
    r.rdx = one_in(8) ? address() : one_in(4) ? 0 : kBase + below(kPages / 3) * kPage;
    if (!one_in(10)) r.r10 = std::min(due.length, (1 + below(kPagedPages)) * kPage);
    r.r8 = one_in(8);
}

/// What the kernel wants back, or pages that the pager just takes.
void RandomCalls::load_detachment(Thread& thread) {
    std::vector<Asked>& asked = asked_of_[thread.process().id()];
    const auto wanted = std::find_if(asked.begin(), asked.end(), [](const Asked& each) { return each.back; });
    abi::Registers& r = thread.frame.registers;
    r.rsi = below(kPagedPages) * kPage;
    r.r10 = (1 + below(kPagedPages)) * kPage;
    if (!one_in(3)) r.r10 = std::min(r.r10, kPagedPages * kPage - r.rsi);
    if (wanted != asked.end() && !one_in(4)) {
        r.rdi = paged_handle(thread, wanted->memory_id), r.rsi = wanted->offset, r.r10 = wanted->length;
        asked.erase(wanted);
    }
    r.rdx = one_in(8) ? address() : one_in(3) ? 0 : kBase + below(kPages / 3) * kPage;
    r.r8 = below(4);
}

/// For calls that take a message in registers.
void RandomCalls::load_message(Thread& thread, uint64_t number) {
    abi::Registers& r = thread.frame.registers;
    const bool forwards = number == abi::PortForward::doc.number;
    const bool receives = is_one_of<abi::PortReceive, abi::PortReplyReceive>(number);
    const uint64_t id = call_id(thread);
    r.rdi = number == abi::PortReply::doc.number ? id : handle_of(thread, receives ? abi::ObjectType::Port : abi::ObjectType::Sender);
    if (receives && one_in(4))
        r.rdi = handle_of(thread, abi::ObjectType::PortSet);
    else if (receives && !one_in(3))
        r.rdi = full_port(thread);
    r.r14 = forwards                                      ? id
            : number == abi::PortReplyReceive::doc.number ? id * below(2)
            : number == abi::PortCallAsync::doc.number    ? handle_of(thread, abi::ObjectType::Port)
                                                          : address();
    if (!one_in(10))
        r.rsi = abi::Header::make(static_cast<uint16_t>(below(4)), one_in(3) ? static_cast<unsigned>(below(4)) : 0,
                                  static_cast<unsigned>(below(16)))
                    .value;
    if (number == abi::PortCall::doc.number && one_in(2)) {
        r.rsi = abi::Header{r.rsi}.with_windows().value;
        r.r14 = address(), r.r15 = address(), r.rbx = below(5000) | below(5000) << 32;
    }
    if (number != abi::PortCallAsync::doc.number && one_in(3)) load_pages(r, forwards, receives);
    r.r13 = one_in(4) ? abi::kNow : machine_.hardware.now_ns() + below(300'000);
}

/// Pages to send, and where others may land.
void RandomCalls::load_pages(abi::Registers& r, bool forwards, bool receives) {
    if (!receives) r.rsi = abi::Header{r.rsi}.with_pages(one_in(2)).value & (one_in(9) ? ~0ull : ~(uint64_t{1} << 23));
    const auto page = [&] { return one_in(20) ? address() : kBase + below(kPages / 3) * kPage; };
    if (!forwards && !receives) r.r14 = page();
    r.r15 = page();
    r.rbx = below(8) * kPage | below(16) * kPage << 32;
    if (one_in(20)) r.rbx = choices_.any();
}

// ---- steps

Thread* RandomCalls::pick() {
    for (int tries = 0; tries < 8 && !threads_.empty(); ++tries) {
        Thread& thread = *threads_[below(threads_.size())];
        if (!machine_.runnable(thread)) continue;
        if (tries < 4 && one_in(2) && asked_of_[thread.process().id()].empty()) continue;  // pagers with work first
        return &thread;
    }
    return nullptr;
}

/// Ends of threads and processes are rare, so that the others get to build something up.
uint64_t RandomCalls::pick_number(Thread& thread) {
    uint64_t number = below(abi::Syscalls::kCount + 1);
    if (one_in(6)) number = abi::PortReceive::doc.number;
    if (one_in(3)) number = abi::PortSend::doc.number + below(abi::WindowWrite::doc.number - abi::PortSend::doc.number + 1);
    if (is_one_of<abi::ThreadExit, abi::ProcessKill, abi::ProcessExec>(number) && !one_in(8)) number = abi::SpaceMap::doc.number;
    // Calls that were taken are used and answered now and then: by chance nobody would hit upon their ids.
    static constexpr uint64_t kWithTaken[] = {abi::PortReply::doc.number, abi::WindowRead::doc.number, abi::WindowWrite::doc.number};
    if (thread.process().calls().first() != nullptr && one_in(3)) number = kWithTaken[below(3)];
    std::vector<Asked>& asked = asked_of_[thread.process().id()];
    if (!asked.empty() && one_in(2)) number = asked.front().back ? abi::MemoryDetach::doc.number : abi::MemorySupply::doc.number;
    if (asked.empty() && one_in(2) && is_asked(thread)) number = abi::PortReceive::doc.number;
    if (thread.report_due && one_in(2)) number = abi::ForeignReport::doc.number;
    return number;
}

void RandomCalls::access_memory(Thread& thread) {
    uint64_t word = choices_.any();
    const uint64_t at = one_in(hoard_.empty() ? 3 : 2) ? kPagedBase + below(kPagedPages) * kPage : address() & ~7ull;
    const abi::Access access = one_in(2) ? abi::Access::Write : abi::Access::Read;
    const Mapping* mapping = thread.process().space().mapping_above(at);
    const bool allowed = mapping != nullptr && mapping->address <= at && allows(mapping->access, access);
    if (allowed || one_in(50)) machine_.access(thread, at, &word, 8, access);
    note_waiting(thread);
}

void RandomCalls::step() {
    Thread* thread = pick();
    for (int tries = 0; thread == nullptr && tries < 8; ++tries) {
        machine_.advance(1 + below(50'000));
        thread = pick();
    }
    if (thread == nullptr) return;
    machine_.use_cpu(static_cast<unsigned>(below(2)));
    if (!hoard_.empty() && one_in(4)) machine_.in_kernel([] { reclaimer.step(); });  // as somebody else's page fault
    if (one_in(hoard_.empty() ? 6 : 3)) return access_memory(*thread);
    const Ref<Thread> kept = machine_.in_kernel([&] { return Ref<Thread>(*thread); });
    const bool has_other_system = thread->process().service() != nullptr || thread->process().foreign_entry != 0;
    if (has_other_system && one_in(4)) {
        machine_.foreign_call(*thread, below(500), {any_argument(*thread), address(), choices_.any()});
        ++foreign_calls[machine_.waits(*thread) ? 1 : 0];
        return;
    }
    const uint64_t number = pick_number(*thread);
    load(*thread, number);
    machine_.enter(*thread, number);
    FrameAllocator::fail_after = FrameAllocator::fail_again_after = -1;
    note_result(*thread, number);
}

void RandomCalls::note_result(Thread& thread, uint64_t number) {
    const abi::Registers& r = machine_.result_registers(thread);
    note_waiting(thread);
    const bool blocks = machine_.waits(thread) || thread.state() == Thread::State::Dead;
    if (number < succeeded.size() && (blocks || r.rax == 0)) ++succeeded[number];
    if (blocks || r.rax != 0) return;
    remember(thread, r.rdi);
    if (number == abi::MemoryDetach::doc.number) dirty_pages_taken += static_cast<uint64_t>(std::popcount(r.rsi));
    if (is_one_of<abi::PortReceive, abi::PortReplyReceive, abi::PortCallAsync>(number)) {
        if (number != abi::PortCallAsync::doc.number && abi::Header{r.rsi}.has_pages() && static_cast<uint32_t>(r.rbx) != 0)
            ++page_messages;
        note_asked(thread);
        std::vector<uint64_t>& ids = ids_of_[thread.process().id()];
        if (ids.size() > 6) ids.erase(ids.begin());
        if (r.rdi != 0) ids.push_back(r.rdi);
    }
    if (number == abi::ThreadCreate::doc.number) keep(machine_.adopt_thread(thread, Handle{r.rdi}));
    if (!is_one_of<abi::ProcessCreate, abi::ProcessClone>(number)) return;
    Process& made = machine_.adopt_process(thread, Handle{r.rdi});
    if (!made.has_space() || made.account().limit_bytes() - made.account().used_bytes() < 100'000) return;
    if (frames.free_pages() < kFreePagesMin) let_frames_go();
    keep(machine_.make_thread(made));
    values_of_[made.id()] = values_of_[thread.process().id()];
}

void RandomCalls::note_waiting(const Thread& thread) {
    if (!machine_.waits(thread)) return;
    if (thread.wait() == Thread::Wait::Page) ++waits_for_pages;
    if (thread.wait() == Thread::Wait::Credit) ++waits_for_credits;
}

/// A pager's message joins what it has to do.
void RandomCalls::note_asked(Thread& thread) {
    const abi::Registers& r = machine_.result_registers(thread);
    const abi::MessageKind kind = abi::Header{r.rsi}.kind();
    if (kind != abi::MessageKind::PageIn && kind != abi::MessageKind::PageOut) return;
    const bool back = kind == abi::MessageKind::PageOut;
    ++(back ? pages_wanted_back : pages_asked);
    std::vector<Asked>& asked = asked_of_[thread.process().id()];
    if (asked.size() > 6) asked.erase(asked.begin());
    asked.push_back({.memory_id = back ? r.r8 : r.r9, .offset = r.rdx, .length = r.r10, .back = back});
}

void RandomCalls::tidy() {
    machine_.forget_ended();
    const auto is_ended = [](const Ref<Thread>& thread) { return thread->state() == Thread::State::Dead || thread->doomed; };
    machine_.in_kernel([&] {
        std::erase_if(threads_, is_ended);
        for (Ref<Thread>& thread : threads_) {
            if (thread->state() == Thread::State::Held && one_in(2)) thread->process().resume();
            if (thread->state() == Thread::State::Blocked && one_in(4)) thread->alert();
            if (thread->state() == Thread::State::Blocked && one_in(20)) thread->process().kill(0);
        }
        while (threads_.size() > 40) {
            threads_[below(threads_.size())]->process().kill(0);
            std::erase_if(threads_, is_ended);
        }
    });
    machine_.settle();
    if (frames.free_pages() < kFreePagesMin || threads_.size() < 6) let_frames_go();
    for (int i = 0; i < 4 && threads_.size() > 1; ++i)
        share_paged_object(*threads_[below(threads_.size())], *threads_[below(threads_.size())]);
    if (account_->limit_bytes() - account_->used_bytes() < 500'000 || frames.free_pages() < kFreePagesMin) {
        machine_.in_kernel([&] {
            for (Ref<Thread>& thread : threads_) thread->process().kill(0);
            threads_.clear();
        });
        machine_.settle();
    }
    while (threads_.size() < 6) add_process();
}

}  // namespace portico::kernel::hosted
