#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "kernel/arch/hosted/machine.h"

namespace portico::kernel::hosted {

/// Where decisions come from: a generator of random numbers, or the input of a fuzzer.
class Choices {
public:
    virtual ~Choices() = default;
    /// Any 64 bits.
    virtual uint64_t any() = 0;
    /// 0 to end - 1.
    virtual uint64_t below(uint64_t end) { return any() % end; }
};

/// Processes whose threads make system calls, access memory and make calls of another system, all chosen, with arguments that often make
/// sense: by the name an argument has in the call's description, a handle of the right type, an id that was received, an address that is
/// mapped. Each process is the pager of an object that others map: it answers, answers wrong, or is mute. Also what else happens to them:
/// alerts, kills, suspensions.
///
/// Ownership: keeps references to the threads, and the account that all processes pay from. Must go before the machine.
class RandomCalls {
public:
    RandomCalls(Machine& machine, Choices& choices, uint64_t account_bytes);
    ~RandomCalls();
    RandomCalls(const RandomCalls&) = delete;

    /// One call or access of some thread.
    void step();
    /// Forgets who has ended, makes processes while there are few, and does to some threads what others may do.
    void tidy();
    /// Nobody else has frames any more than that the kernel wants pages of pagers' objects back; until they are let go.
    void make_frames_few();
    void let_frames_go();

    std::array<uint64_t, abi::Syscalls::kCount> succeeded{};  ///< by number
    uint64_t page_messages = 0;                               ///< that arrived
    uint64_t pages_asked = 0, pages_wanted_back = 0;          ///< messages to pagers
    uint64_t dirty_pages_taken = 0;                           ///< that pagers detached
    uint64_t waits_for_pages = 0, waits_for_credits = 0;      ///< that began
    uint64_t foreign_calls[2]{};                              ///< that the library did, that a service was asked to do

private:
    uint64_t below(uint64_t end) { return choices_.below(end); }
    bool one_in(uint64_t count) { return below(count) == 0; }
    /// What a pager was asked for and has not dealt with.
    struct Asked {
        uint64_t memory_id;
        uint64_t offset;
        uint64_t length;
        bool back;  ///< by PageOut
    };

    void add_process();
    void add_paged_object(Thread& pager, Handle sender);
    void share_paged_object(Thread& pager, Thread& user);
    void keep(Thread& thread);
    void remember(Thread& thread, uint64_t value);
    uint64_t address();
    uint64_t any_argument(Thread& thread);
    uint64_t handle_of(Thread& thread, abi::ObjectType type);
    uint64_t call_id(Thread& thread);
    uint64_t full_port(Thread& thread);
    bool is_asked(Thread& thread);
    uint64_t argument(Thread& thread, std::string_view name);
    void load(Thread& thread, uint64_t number);
    void load_message(Thread& thread, uint64_t number);
    void load_pages(abi::Registers& registers, bool forwards, bool receives);
    void load_supply(Thread& thread);
    void load_detachment(Thread& thread);
    Memory* paged_memory(Thread& thread, uint64_t handle);
    uint64_t paged_handle(Thread& thread, uint64_t memory_id);
    void note_result(Thread& thread, uint64_t number);
    void note_waiting(const Thread& thread);
    void note_asked(Thread& thread);
    Thread* pick();
    uint64_t pick_number(Thread& thread);
    void access_memory(Thread& thread);

    Machine& machine_;
    Choices& choices_;
    Ref<Account> account_;
    std::vector<PhysicalAddress> hoard_;  ///< frames kept from everybody
    std::vector<Ref<Thread>> threads_;
    std::map<uint64_t, std::vector<uint64_t>> values_of_;  ///< what calls of each process returned
    std::map<uint64_t, std::vector<uint64_t>> ids_of_;     ///< of calls that each process took or made
    std::map<uint64_t, std::vector<Asked>> asked_of_;      ///< what each process, as a pager, received and still has to do
};

}  // namespace portico::kernel::hosted
