#include "kernel/ipc/ipc.h"

#include "kernel/object/process.h"

namespace portico::kernel {

PageRange landing_in_registers(const Thread& receiver) {
    const abi::Registers& r = receiver.frame.registers;
    return {.address = r.r15, .bytes = static_cast<uint32_t>(r.rbx >> 32)};
}

Result<> take_in_some(CarriedHandles& carried, Message& message, Thread& sender) {
    const unsigned count = message.header.handle_count();
    if (count > abi::kMessageHandlesMax) return fail(Error::InvalidArgument);
    HandleTable& table = sender.process().handles();
    const uint64_t* values = &message.word[abi::kMessageWords - count];
    for (unsigned i = 0; i < count; ++i) {
        if (values[i] == 0) continue;
        const Capability* capability = TRY(table.find(abi::Handle{values[i]}));
        const Rights needed = message.header.moves(i) ? Rights::Transfer : Rights::Transfer | Rights::Duplicate;
        if (!has(capability->rights(), needed)) return fail(Error::AccessDenied);
        for (unsigned j = 0; j < i; ++j)
            if (values[j] == values[i] && (message.header.moves(i) || message.header.moves(j))) return fail(Error::InvalidArgument);
    }
    for (unsigned i = 0; i < count; ++i) {
        if (values[i] == 0) continue;
        if (message.header.moves(i))
            carried.capability[i] = *table.take(abi::Handle{values[i]});
        else
            carried.capability[i] = (*table.find(abi::Handle{values[i]}))->duplicate();
    }
    return {};
}

Result<> hand_over_some(CarriedHandles& carried, Message& message, Thread& receiver) {
    const unsigned count = message.header.handle_count();
    HandleTable& table = receiver.process().handles();
    TRY(table.reserve(count));
    for (unsigned i = 0; i < count; ++i) {
        uint64_t& word = message.word[abi::kMessageWords - count + i];
        word = carried.capability[i] ? table.add_reserved(std::move(carried.capability[i])).value : 0;
    }
    return {};
}

static __attribute__((noinline)) Result<> take_in_both(CarriedHandles& handles, CarriedPages& pages, Message& message,
                                                       const PageRange& source, Thread& sender) {
    Process& process = sender.process();
    const Passing how = message.header.copies_pages() ? Passing::Copy : Passing::Move;
    TRY(pages.reserve(process.space(), source, how, process.account()));
    if (const Result<> taken = take_in(handles, message, sender); !taken) {
        pages.drop();
        return taken;
    }
    pages.take(process.space(), source);
    return {};
}

Result<> take_in_pages(CarriedHandles& handles, CarriedPages& pages, Message& message, const PageRange& source, Thread& sender) {
    if (!message.header.has_pages()) return take_in(handles, message, sender);
    const bool may_be_single = !message.header.copies_pages() && message.header.handle_count() == 0;
    if (may_be_single && pages.take_single(sender.process().space(), source)) return {};
    return take_in_both(handles, pages, message, source, sender);
}

static __attribute__((noinline)) Result<uint32_t> hand_over_both(CarriedHandles& handles, CarriedPages& pages, Message& message,
                                                                 const PageRange& landing, Thread& receiver) {
    const uint32_t bytes = pages.bytes();
    Process& process = receiver.process();
    TRY(process.handles().reserve(message.header.handle_count()));
    if (bytes > 0) TRY(pages.land(process.space(), landing));
    TRY(hand_over(handles, message, receiver));
    return bytes;
}

Result<uint32_t> hand_over_pages(CarriedHandles& handles, CarriedPages& pages, Message& message, const PageRange& landing,
                                 Thread& receiver) {
    if (message.header.handle_count() != 0) return hand_over_both(handles, pages, message, landing, receiver);
    const uint32_t bytes = pages.bytes();
    if (bytes > 0) TRY(pages.land(receiver.process().space(), landing));
    return bytes;
}

}  // namespace portico::kernel
