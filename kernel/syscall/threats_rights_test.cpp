#include <map>

#include "kernel/arch/hosted/port_fixture.h"

/// Every call with a handle, generated from the descriptions in abi/: each right that it asks for missing, each type that it does not want.
namespace portico::kernel::hosted {
namespace {

using abi::ObjectType;

constexpr std::pair<std::string_view, Rights> kRights[] = {
    {"Send", Rights::Send},         {"Receive", Rights::Receive}, {"Duplicate", Rights::Duplicate},
    {"Transfer", Rights::Transfer}, {"Read", Rights::Read},       {"Write", Rights::Write},
    {"Execute", Rights::Execute},   {"Map", Rights::Map},         {"Control", Rights::Control}};
constexpr std::pair<std::string_view, ObjectType> kTypes[] = {
    {"port", ObjectType::Port},         {"reply_port", ObjectType::Port},    {"sender", ObjectType::Sender},
    {"supervisor", ObjectType::Sender}, {"service", ObjectType::Sender},     {"memory", ObjectType::Memory},
    {"process", ObjectType::Process},   {"space", ObjectType::AddressSpace}, {"thread", ObjectType::Thread},
    {"timer", ObjectType::Timer},       {"io", ObjectType::IoPorts},         {"interrupt", ObjectType::Interrupt},
    {"resource", ObjectType::Resource}, {"account", ObjectType::Account},    {"parent", ObjectType::Account},
    {"set", ObjectType::PortSet},       {"pager", ObjectType::Sender}};

/// What "with Duplicate and Transfer" in a description asks for: names of rights after the word "with".
std::vector<Rights> rights_in(std::string_view meaning) {
    std::vector<Rights> found;
    const size_t with = meaning.find("with ");
    if (with == std::string_view::npos) return found;
    std::string_view rest = meaning.substr(with + 5);
    for (bool more = true; more;) {
        more = false;
        for (const auto& [name, right] : kRights) {
            if (!rest.starts_with(name)) continue;
            found.push_back(right);
            rest.remove_prefix(name.size());
            if (rest.starts_with(" and ")) {
                rest.remove_prefix(5);
                more = true;
            }
            break;
        }
    }
    return found;
}

class RightsTest : public PortFixture {
protected:
    Thread& caller = client;
    std::map<ObjectType, Handle> objects;  ///< one of each type, with all rights

    RightsTest() {
        const Handle resource = machine.make_resource(caller);
        const Handle own_port = machine.call(caller, abi::PortCreate{})->port;
        objects[ObjectType::Resource] = resource;
        objects[ObjectType::Port] = own_port;
        objects[ObjectType::Sender] = machine.call(caller, abi::PortBadge{own_port, 1, 8, 8})->sender;
        objects[ObjectType::PortSet] = machine.call(caller, abi::SetCreate{})->set;
        objects[ObjectType::Memory] = machine.call(caller, abi::MemoryCreate{4096})->memory;
        objects[ObjectType::AddressSpace] = machine.call(caller, abi::SpaceCreate{})->space;
        objects[ObjectType::Timer] = machine.call(caller, abi::TimerCreate{sender, 1})->timer;
        objects[ObjectType::IoPorts] = machine.call(caller, abi::IoCreate{resource, 8, 8})->io;
        objects[ObjectType::Interrupt] = machine.call(caller, abi::InterruptCreate{resource, 5, sender, 1, 0})->interrupt;
        objects[ObjectType::Account] = machine.call(caller, abi::AccountCreate{abi::kSelfAccount, 100'000})->account;
        objects[ObjectType::Process] = machine.call(caller, abi::ProcessCreate{abi::kSelfSpace, abi::kSelfAccount, {}})->process;
        objects[ObjectType::Thread] = machine.call(caller, abi::HandleDuplicate{abi::kSelfThread, ~0ull})->handle;
        for (auto& [type, handle] : objects) handle = with_rights(handle, Rights::All);
    }
    Handle with_rights(Handle handle, Rights rights) {
        return machine.in_kernel([&] {
            HandleTable& table = caller.process().handles();
            return *table.add(Capability(*(*table.find(handle))->object(), rights));
        });
    }
    /// Which type an argument names; None if it is no handle or one of any type.
    static ObjectType type_of(const abi::CallDoc& doc, size_t index) {
        const abi::ArgumentDoc& argument = doc.arguments[index];
        if (doc.number == abi::PortReceiveBatch::doc.number && index == 0) return ObjectType::Port;
        const std::vector<Rights> rights = rights_in(argument.meaning);
        if (argument.name == "handle" && rights.size() == 1 && rights[0] == Rights::Send) return ObjectType::Sender;
        if (argument.name == "handle" && rights.size() == 1 && rights[0] == Rights::Receive) return ObjectType::Port;
        for (const auto& [name, type] : kTypes)
            if (argument.name == name) return type;
        return ObjectType::None;
    }
    /// What some calls look at before the handles.
    static uint64_t plain_argument(std::string_view name) {
        return name == "bits" ? 1 : name == "line" ? 6 : name == "length" ? abi::kPageBytes : 0;
    }
    /// Calls with good handles but for one argument.
    Error call_with(const abi::CallDoc& doc, size_t index, Handle handle) {
        abi::Registers& r = caller.frame.registers;
        r = {.rip = 0x1000'0000, .rflags = 0x202};
        uint64_t* const registers[] = {&r.rdi, &r.rsi, &r.rdx, &r.r10, &r.r8, &r.r9};
        for (size_t i = 0; i < abi::kArgumentsMax; ++i) {
            if (!is_in_order(doc, i)) continue;
            const ObjectType type = type_of(doc, i);
            *registers[i] = type != ObjectType::None ? objects[type].value : plain_argument(doc.arguments[i].name);
        }
        if (doc.number == abi::PortCallAsync::doc.number) r.r14 = objects[ObjectType::Port].value;
        *registers[index] = handle.value;
        machine.enter(caller, doc.number);
        if (machine.waits(caller) || caller.state() == Thread::State::Dead) {
            ADD_FAILURE() << doc.name << " went through";
            return Error::None;
        }
        return static_cast<Error>(machine.result_registers(caller).rax);
    }
    /// Calls that take a message have its words in the registers after the first.
    static bool is_in_order(const abi::CallDoc& doc, size_t index) {
        const bool takes_message = (doc.number >= abi::PortSend::doc.number && doc.number <= abi::PortReplyReceive::doc.number) ||
                                   doc.number == abi::PortForward::doc.number || doc.name == "port_send_wait";
        return index == 0 || !takes_message;
    }
    template <class Visit>
    void for_each_handle_argument(Visit visit) {
        for (const abi::CallDoc& doc : abi::Syscalls::kDocs)
            for (size_t i = 0; i < abi::kArgumentsMax; ++i)
                if (!doc.arguments[i].name.empty() && is_in_order(doc, i)) visit(doc, i);
    }
};

TEST_F(RightsTest, A17_ACallWithoutOneOfItsRightsIsDenied) {
    unsigned tried = 0;
    for_each_handle_argument([&](const abi::CallDoc& doc, size_t index) {
        for (const Rights right : rights_in(doc.arguments[index].meaning)) {
            const ObjectType type = type_of(doc, index);
            const Handle full = objects[type == ObjectType::None ? ObjectType::Process : type];
            const Handle lacking = with_rights(full, Rights::All & ~right);
            EXPECT_EQ(call_with(doc, index, lacking), Error::AccessDenied) << doc.name << ' ' << doc.arguments[index].name;
            machine.call(caller, abi::HandleClose{lacking});
            ++tried;
        }
    });
    EXPECT_GE(tried, 48u) << "the descriptions are no longer what this test reads";
}

TEST_F(RightsTest, A17_ACallWithAnObjectOfAnotherTypeIsRefused) {
    unsigned tried = 0;
    for_each_handle_argument([&](const abi::CallDoc& doc, size_t index) {
        const ObjectType wanted = type_of(doc, index);
        if (wanted == ObjectType::None) return;
        const bool takes_sets = doc.number == abi::PortReceive::doc.number || doc.number == abi::PortReplyReceive::doc.number;
        for (const auto& [type, handle] : objects) {
            if (type == wanted || (takes_sets && type == ObjectType::PortSet)) continue;
            EXPECT_EQ(call_with(doc, index, handle), Error::WrongType) << doc.name << ' ' << doc.arguments[index].name;
            ++tried;
        }
    });
    EXPECT_GE(tried, 500u);
}

TEST_F(RightsTest, A17_ValuesThatAreNoHandlesNameNothing) {
    const Handle closed = with_rights(objects[ObjectType::Memory], Rights::All);
    machine.call(caller, abi::HandleClose{closed});
    for_each_handle_argument([&](const abi::CallDoc& doc, size_t index) {
        if (type_of(doc, index) == ObjectType::None) return;
        for (const uint64_t value :
             {closed.value, uint64_t{abi::kHandleIndexMax}, ~uint64_t{0}, objects[ObjectType::Port].value | uint64_t{1} << 32})
            EXPECT_EQ(call_with(doc, index, {value}), Error::BadHandle) << doc.name << ' ' << doc.arguments[index].name << ' ' << value;
    });
}

}  // namespace
}  // namespace portico::kernel::hosted
