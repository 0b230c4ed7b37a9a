#include <set>

#include "kernel/arch/hosted/threats_fixture.h"

/// Every call with a pointer, with every kind of address that will not do: refused, nothing changed, no kernel memory touched.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr uint64_t kBytes = 64;  // of what calls read or write that are told a length

class PointerThreats : public Threats {
protected:
    struct BadAddress {
        const char* what;
        uint64_t address;
        bool readable = false;  ///< bad only for writing
    };
    struct Pointer {
        std::string_view call, argument;
        bool writes;  ///< the kernel writes there
        std::function<Error(uint64_t)> use;
    };

    uint64_t pages = machine.map(client, 4 * kPage);
    Handle memory = machine.call(client, abi::MemoryCreate{kPage})->memory;
    Handle resource = machine.make_resource(client);
    Handle io = machine.call(client, abi::IoCreate{resource, 8, 8})->io;
    Handle port_of_client = machine.call(client, abi::PortCreate{})->port;
    Handle to_itself = machine.call(client, abi::PortBadge{port_of_client, 1, 64, 8})->sender;

    std::vector<BadAddress> bad_addresses() {
        machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, pages + 2 * kPage, kPage});
        machine.call(client, abi::SpaceProtect{abi::kSelfSpace, pages + kPage, kPage, static_cast<uint64_t>(abi::Access::Read)});
        const auto read_write = abi::MapFlags::None | abi::Access::ReadWrite;
        const uint64_t none = machine.map(client, kPage);
        machine.call(client, abi::SpaceProtect{abi::kSelfSpace, none, kPage, 0});
        const Handle short_object = machine.call(client, abi::MemoryCreate{kPage})->memory;
        const uint64_t past_end = machine.map(client, 2 * kPage, read_write, short_object) + kPage;
        const Handle device = machine.call(client, abi::MemoryPhysical{resource, 0xFEB0'0000, kPage})->memory;
        const uint64_t device_at = machine.map(client, kPage, read_write, device);
        machine.read<uint32_t>(client, device_at);  // makes page tables, which stay
        return {{"null", 0},
                {"in the first page", 8},
                {"not mapped", pages + 2 * kPage},
                {"into what is not mapped", pages + 2 * kPage - 4, true},
                {"no access", none},
                {"read only", pages + kPage, true},
                {"past the end of its object", past_end},
                {"device memory", device_at},
                {"end of user memory", abi::kUserAddressMax - 4},
                {"above user memory", abi::kUserAddressMax},
                {"not canonical", uint64_t{1} << 47},
                {"not canonical, high", uint64_t{0x8000} << 48},
                {"kernel", 0xFFFF'FFFF'8000'0000},
                {"the kernel's own memory", reinterpret_cast<uint64_t>(machine.hardware.ram) + kPage},
                {"wraps around", ~uint64_t{0} - 3}};
    }
    template <class Call>
    Error refused(const Call& call) {
        return refusal(machine.call(client, call));
    }
    std::vector<Pointer> pointers() {
        const uint64_t good = machine.scratch(client);
        return {
            {"memory_query", "info", true, [&](uint64_t at) { return refused(abi::MemoryQuery{memory, at}); }},
            {"memory_read", "address", true, [&](uint64_t at) { return refused(abi::MemoryRead{memory, 0, at, kBytes}); }},
            {"memory_write", "address", false, [&](uint64_t at) { return refused(abi::MemoryWrite{memory, 0, at, kBytes}); }},
            {"space_query", "info", true, [&](uint64_t at) { return refused(abi::SpaceQuery{abi::kSelfSpace, 0, at}); }},
            {"process_exec", "start", false,
             [&](uint64_t at) {
                 const Handle space = machine.call(client, abi::SpaceCreate{})->space;
                 const Error error = refused(abi::ProcessExec{space, at});
                 machine.call(client, abi::HandleClose{space});
                 return error;
             }},
            {"process_query", "info", true, [&](uint64_t at) { return refused(abi::ProcessQuery{abi::kSelfProcess, at}); }},
            {"process_inspect", "info", true, [&](uint64_t at) { return refused(abi::ProcessInspect{abi::kSelfProcess, 0, at}); }},
            {"thread_create", "start", false, [&](uint64_t at) { return refused(abi::ThreadCreate{abi::kSelfProcess, at}); }},
            {"upcall_query", "state", true,
             [&](uint64_t at) {
                 machine.call(client, abi::ProcessSetEntries{abi::kSelfProcess, 0, 0x2000'0000});
                 if (!client.in_upcall()) machine.call(client, abi::ThreadAlert{abi::kSelfThread});
                 return refused(abi::UpcallQuery{at});
             }},
            {"upcall_return", "registers", false, [&](uint64_t at) { return refused(abi::UpcallReturn{at}); }},
            {"futex_wait", "address", false, [&](uint64_t at) { return refused(abi::FutexWait{at, 0, 1, 0, 1}); }},
            {"io_write_bytes", "address", false, [&](uint64_t at) { return refused(abi::IoWriteBytes{io, 0, at, kBytes}); }},
            {"account_query", "info", true, [&](uint64_t at) { return refused(abi::AccountQuery{abi::kSelfAccount, at}); }},
            {"debug_log", "address", false, [&](uint64_t at) { return refused(abi::DebugLog{at, kBytes}); }},
            {"system_query", "info", true, [&](uint64_t at) { return refused(abi::SystemQuery{at}); }},
            {"port_list", "address", true, [&](uint64_t at) { return refused(abi::PortList{resource, 0, at, 2}); }},
            {"port_send_batch", "address", false, [&](uint64_t at) { return refused(abi::PortSendBatch{to_itself, at, 1}); }},
            {"port_receive_batch", "address", true,
             [&](uint64_t at) {
                 machine.send(client, to_itself, 5);
                 const Error error = refused(abi::PortReceiveBatch{port_of_client, at, 1, abi::kNow});
                 EXPECT_EQ(machine.receive(client, port_of_client)->word[0], 5u) << "it stays first";
                 return error;
             }},
            {"window_read", "address", true, [&, good](uint64_t at) { return window(good, at, false); }},
            {"window_write", "address", false, [&, good](uint64_t at) { return window(good, at, true); }},
            {"lent to read", "", false, [&, good](uint64_t at) { return window(at, good, false); }},
            {"lent to write", "", true, [&, good](uint64_t at) { return window(at, good, true); }},
            {"pages sent", "", true, [&](uint64_t at) { return send_pages(at); }},
        };
    }
    /// Another thread of the client lends `lent`; the client, who takes the call, copies from there to `own`, or back.
    Error window(uint64_t lent, uint64_t own, bool back) {
        Thread& caller = machine.make_thread(client.process());
        machine.start_message<abi::PortCall>(caller, {.handle_or_id = to_itself.value,
                                                      .header = abi::Header::make(1).with_windows(),
                                                      .r14 = lent,
                                                      .r15 = lent,
                                                      .rbx = kBytes | kBytes << 32});
        const auto taken = machine.receive(client, port_of_client);
        EXPECT_TRUE(taken);
        const Error error =
            back ? refused(abi::WindowWrite{taken->id, 0, own, kBytes}) : refused(abi::WindowRead{taken->id, 0, own, kBytes});
        machine.reply(client, taken->id);
        machine.start(caller, abi::ThreadExit{0, 0, 0});
        machine.forget_ended();
        return error;
    }
    Error send_pages(uint64_t at) {
        return refusal(machine.message<abi::PortSend>(
            client, {.handle_or_id = to_itself.value, .header = abi::Header::make(0).with_pages(), .r14 = at, .rbx = kPage}));
    }
};

TEST_F(PointerThreats, B3_BadAddressesAreRefusedAndChangeNothing) {
    const std::vector<BadAddress> addresses = bad_addresses();
    for (const Pointer& pointer : pointers()) {
        for (int i = 0; i < 2; ++i) (void)pointer.use(0);  // pools and tables that grow in steps
        for (const BadAddress& bad : addresses) {
            SCOPED_TRACE(std::string(pointer.call) + ", " + bad.what);
            if (bad.readable && !pointer.writes) continue;
            const uint64_t used = machine.root().used_bytes(), objects = machine.root().object_count();
            const uint32_t handles = client.process().handles().count();
            const Error error = pointer.use(bad.address);
            EXPECT_TRUE(error == Error::BadAddress || error == Error::InvalidArgument) << abi::name_of(error);
            EXPECT_EQ(machine.root().used_bytes(), used);
            EXPECT_EQ(machine.root().object_count(), objects);
            EXPECT_EQ(client.process().handles().count(), handles);
        }
    }
}

/// A call that gets a pointer must join the list above. These take addresses of mappings, of words that are only names, or only clear one
/// at the end of a thread.
TEST_F(PointerThreats, B3_TheListIsComplete) {
    static constexpr std::string_view kNames[] = {"address", "info", "start", "state", "registers", "target", "clear", "clear_too"};
    static constexpr std::string_view kNoPointers[] = {"space_map",   "space_unmap",   "space_protect", "space_query",  "futex_wake",
                                                       "thread_exit", "futex_requeue", "memory_supply", "memory_detach"};
    std::set<std::pair<std::string_view, std::string_view>> listed;
    for (const Pointer& pointer : pointers()) listed.emplace(pointer.call, pointer.argument);
    for (const abi::CallDoc& doc : abi::Syscalls::kDocs)
        for (const abi::ArgumentDoc& argument : doc.arguments) {
            const bool is_address = std::find(std::begin(kNames), std::end(kNames), argument.name) != std::end(kNames);
            const bool is_none = std::find(std::begin(kNoPointers), std::end(kNoPointers), doc.name) != std::end(kNoPointers);
            if (is_address && !is_none) EXPECT_TRUE(listed.contains({doc.name, argument.name})) << doc.name << ' ' << argument.name;
        }
}

}  // namespace
}  // namespace portico::kernel::hosted
