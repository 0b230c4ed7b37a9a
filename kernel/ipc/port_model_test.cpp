#include <gtest/gtest.h>

#include <ctime>

#include "kernel/arch/hosted/port_lockstep.h"
#include "kernel/arch/hosted/seeds.h"

/// The kernel's ports against a model of them written from docs/ipc.md: random operations, everything visible compared after each.
namespace portico::kernel::hosted {
namespace {

/// Picks operations that often make sense, and sometimes not at all.
class Walk {
public:
    explicit Walk(uint64_t seed) : lockstep_(seed), random_(seed) {
        const uint64_t processes = 2 + random_.below(3);
        for (uint64_t i = 0; i < processes; ++i) add_process();
    }
    const PortLockstep& lockstep() const { return lockstep_; }
    bool agrees() const { return lockstep_.disagreement().empty(); }

    void step() {
        repopulate();
        model::Thread* thread = pick_thread();
        if (random_.one_in(12) || thread == nullptr) return from_outside();
        const auto operation = static_cast<unsigned>(random_.below(20));
        if (operation < 2) return handles(*thread);
        if (operation < 4) return making(*thread);
        if (operation < 17) return messages(*thread);
        own_life(*thread);
    }
    /// Takes all that is left in queues, then ends everybody.
    void wind_up() {
        for (model::Process& process : lockstep_.model.processes)
            if (process.suspended && !process.dead) lockstep_.resume(process);
        while (drain()) {
        }
        for (model::Process& process : lockstep_.model.processes)
            if (!process.dead && agrees()) lockstep_.kill(process);
    }

private:
    using Kind = model::Object::Kind;

    // ---- choosing

    model::Thread* pick_thread() {
        std::vector<model::Thread*> all;
        for (model::Thread& thread : lockstep_.model.threads)
            if (lockstep_.can_act(thread)) all.push_back(&thread);
        return all.empty() ? nullptr : all[random_.below(all.size())];
    }
    model::Process* pick_process() {
        std::vector<model::Process*> all;
        for (model::Process& process : lockstep_.model.processes)
            if (!process.dead) all.push_back(&process);
        return all.empty() ? nullptr : all[random_.below(all.size())];
    }
    std::vector<Handle> handles_of(const model::Process& process, Kind kind, Rights rights) {
        std::vector<Handle> found;
        for (const auto& [value, capability] : process.handles)
            if (capability.object->kind == kind && has(capability.rights, rights)) found.push_back({value});
        return found;
    }
    /// Mostly one that will do.
    Handle handle(const model::Thread& thread, Kind kind, Rights rights) {
        const std::vector<Handle> good = handles_of(*thread.process, kind, rights);
        if (!good.empty() && !random_.one_in(12)) return good[random_.below(good.size())];
        return any_handle(thread);
    }
    Handle any_handle(const model::Thread& thread) {
        const auto& handles = thread.process->handles;
        if (handles.empty() || random_.one_in(8)) {
            const uint64_t junk[] = {0, 1, abi::kSelfProcess.value, random_(), random_.below(40), uint64_t{1} << 32 | 1};
            return {junk[random_.below(std::size(junk))]};
        }
        return {std::next(handles.begin(), static_cast<ptrdiff_t>(random_.below(handles.size())))->first};
    }
    uint64_t deadline() {
        switch (random_.below(6)) {
        case 0:
            return abi::kNow;
        case 1:
            return lockstep_.now_ns() - random_.below(3);
        case 2:
        case 3:
            return lockstep_.now_ns() + 1 + random_.below(20'000);
        default:
            return abi::kForever;
        }
    }
    uint64_t taken_id(const model::Thread& thread) {
        const auto& taken = thread.process->taken;
        if (!taken.empty() && !random_.one_in(10)) return remember_id(taken[random_.below(taken.size())]->id);
        if (!ids_.empty() && random_.one_in(2)) return ids_[random_.below(ids_.size())] + random_.below(2);
        return random_.one_in(2) ? 0 : random_();
    }
    uint64_t remember_id(uint64_t id) {
        ids_.push_back(id);
        return id;
    }
    /// A message with handles or not.
    model::Sending message(model::Thread& thread) {
        model::Sending sending;
        for (uint64_t& word : sending.word) word = random_();
        unsigned count = random_.one_in(3) ? static_cast<unsigned>(random_.below(5)) : 0;
        if (random_.one_in(60)) count = 5 + static_cast<unsigned>(random_.below(3));
        for (unsigned i = 0; i < count && i < abi::kMessageWords; ++i)
            sending.word[abi::kMessageWords - 1 - i] = random_.one_in(6) ? 0 : any_handle(thread).value;
        sending.header = abi::Header::make(static_cast<uint16_t>(random_()), count, static_cast<unsigned>(random_.below(16)),
                                           static_cast<uint32_t>(random_()));
        return sending;
    }
    model::Sending message_to(model::Thread& thread, Handle sender) {
        model::Sending sending = message(thread);
        sending.sender = sender;
        return sending;
    }
    /// An answer may travel to any reply port, so it carries no receive rights.
    model::Sending answer(model::Thread& thread) {
        model::Sending sending = message(thread);
        for (uint64_t& word : sending.word) {
            const model::Capability* found = lockstep_.model.find(*thread.process, {word});
            if (found != nullptr && found->object->kind == Kind::Port) word = 0;
        }
        return sending;
    }

    // ---- doing

    void handles(model::Thread& thread) {
        const Handle one = any_handle(thread);
        const model::Capability* found = lockstep_.model.find(*thread.process, one);
        switch (random_.below(3)) {
        case 0:
            if (thread.process->handles.size() > 6 || random_.one_in(4)) lockstep_.close(thread, one);
            return;
        case 1:
            if (thread.process->handles.size() > 40 || one == abi::kSelfProcess) return;  // the model knows no processes to handle
            return lockstep_.duplicate(thread, one, random_.one_in(3) ? static_cast<Rights>(random_()) & Rights::All : Rights::All);
        default:
            if (found != nullptr && found->object->kind == Kind::Token && has(found->rights, Rights::Read))
                lockstep_.look_at_token(thread, one);
        }
    }
    void making(model::Thread& thread) {
        const auto alive = std::count_if(lockstep_.model.ports.begin(), lockstep_.model.ports.end(),
                                         [](const model::Port* port) { return !port->closed; });
        switch (random_.below(4)) {
        case 0:
            if (alive < 6) lockstep_.create_port(thread);
            return;
        case 1:
            if (thread.process->handles.size() < 30) lockstep_.create_token(thread);
            return;
        default:
            if (thread.process->handles.size() > 30) return;
            const uint64_t credits = random_.one_in(20) ? 65534 + random_.below(4) : random_.below(4);
            return lockstep_.badge(thread, handle(thread, Kind::Port, Rights::Receive), random_.below(1000), credits);
        }
    }
    void messages(model::Thread& thread) {
        const Handle sender = handle(thread, Kind::Sender, Rights::Send);
        const Handle port = handle(thread, Kind::Port, Rights::Receive);
        switch (random_.below(16)) {
        case 0:
        case 1:
        case 2: {
            model::Sending sending = message_to(thread, sender);
            if (random_.one_in(40)) sending.header = sending.header.with_windows();
            return lockstep_.send(thread, sending);
        }
        case 3:
        case 4:
            return call(thread, sender);
        case 5:
        case 6:
            return lockstep_.call_async(thread, message_to(thread, sender), port);
        case 7:
            return cancel(thread, port);
        case 8:
        case 9:
        case 10:
            return lockstep_.receive(thread, port, deadline());
        case 11:
        case 12:
            return lockstep_.reply(thread, taken_id(thread), answer(thread));
        case 13:
            return lockstep_.reply_receive(thread, port, random_.one_in(4) ? 0 : taken_id(thread), answer(thread), deadline());
        case 14:
            return lockstep_.notify(thread, sender, random_.one_in(20) ? random_() : uint64_t{1} << random_.below(62));
        default:
            return windows(thread);
        }
    }
    void call(model::Thread& thread, Handle sender) {
        model::Sending sending = message_to(thread, sender);
        sending.deadline_ns = deadline();
        if (random_.one_in(4)) sending.header = sending.header.as_steady();
        if (random_.one_in(2)) {
            sending.header = sending.header.with_windows();
            sending.readable_at = random_.below(4000), sending.writable_at = random_.below(4000);
            sending.readable_bytes = random_.below(4096 - sending.readable_at),
            sending.writable_bytes = random_.below(4096 - sending.writable_at);
            if (random_.one_in(20)) sending.readable_bytes = abi::kWindowBytesMax + 1;
        }
        lockstep_.call(thread, sending);
    }
    void cancel(model::Thread& thread, Handle port) {
        const auto& open = thread.process->asynchronous;
        if (open.empty() || random_.one_in(10)) return lockstep_.cancel(thread, port, taken_id(thread));
        lockstep_.cancel(thread, port, remember_id(open[random_.below(open.size())]->id));
    }
    void windows(model::Thread& thread) {
        const uint64_t own = random_.below(2048), offset = random_.below(2048), length = random_.below(random_.one_in(2) ? 16 : 2048);
        if (random_.one_in(2)) return lockstep_.window_read(thread, taken_id(thread), offset, own, length);
        lockstep_.window_write(thread, taken_id(thread), offset, own, length);
    }
    void own_life(model::Thread& thread) {
        if (thread.in_upcall && random_.one_in(2)) return lockstep_.end_upcall(thread);
        switch (random_.below(6)) {
        case 0:
            return lockstep_.fault(thread);
        case 1:
            if (random_.one_in(4)) lockstep_.exit(thread);
            return;
        default:
            return lockstep_.sleep(thread, random_.one_in(4) ? abi::kForever : lockstep_.now_ns() + random_.below(20'000));
        }
    }
    void from_outside() {
        model::Thread& victim = lockstep_.model.threads[random_.below(lockstep_.model.threads.size())];
        model::Process* process = pick_process();
        switch (random_.below(9)) {
        case 0:
        case 1:
        case 2:
            return lockstep_.alert(victim);
        case 3:
            if (random_.one_in(3)) lockstep_.kill(*process);
            return;
        case 4:
            if (random_.one_in(4)) lockstep_.clone(*process);
            return;
        case 5:
            return process->suspended ? lockstep_.resume(*process) : lockstep_.suspend(*process);
        default:
            return lockstep_.advance(random_.below(20'000));
        }
    }
    void repopulate() {
        const auto alive = std::count_if(lockstep_.model.processes.begin(), lockstep_.model.processes.end(),
                                         [](const model::Process& process) { return !process.dead; });
        if (alive < 2) add_process();
        model::Process* process = pick_process();
        if (process->threads.size() < 4 && random_.one_in(20)) lockstep_.add_thread(*process);
        if (random_.one_in(40) && process->suspended) lockstep_.resume(*process);
        if (pick_thread() == nullptr && alive < 6) add_process();
    }
    void add_process() {
        model::Thread* supervising = pick_thread();
        Handle supervisor;
        if (supervising != nullptr) {
            const std::vector<Handle> senders = handles_of(*supervising->process, Kind::Sender, Rights::Send);
            if (!senders.empty()) supervisor = senders[random_.below(senders.size())];
        }
        model::Process& process =
            lockstep_.add_process(supervisor && !random_.one_in(3) ? supervising : nullptr, supervisor, random_.one_in(2));
        model::Thread& thread = *process.threads[0];
        lockstep_.create_port(thread);
        lockstep_.badge(thread, handles_of(process, Kind::Port, Rights::Receive)[0], random_.below(1000), 1 + random_.below(3));
    }
    /// Receives once at each port that someone can receive at. False if all are empty.
    bool drain() {
        bool found = false;
        for (model::Thread& thread : lockstep_.model.threads) {
            if (!lockstep_.can_act(thread)) continue;
            for (const Handle port : handles_of(*thread.process, Kind::Port, Rights::Receive)) {
                if (!lockstep_.can_act(thread)) break;
                if (!agrees()) return false;
                const bool holds = !static_cast<model::Port*>(lockstep_.model.find(*thread.process, port)->object)->queue.empty();
                if (holds) lockstep_.receive(thread, port, abi::kNow);
                found |= holds;
            }
        }
        return found;
    }

    PortLockstep lockstep_;
    SeededRandom random_;
    std::vector<uint64_t> ids_;
};

TEST(PortModelTest, KernelAndModelAgree) {
    constexpr unsigned kSteps = 400;
    const Seeds seeds(1500);
    const std::clock_t began = std::clock();
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
        Walk walk(seed);
        for (unsigned i = 0; i < kSteps && walk.agrees(); ++i) walk.step();
        if (walk.agrees()) walk.wind_up();
        if (walk.agrees()) continue;
        const std::vector<std::string>& history = walk.lockstep().history();
        for (size_t i = history.size() > 460 ? history.size() - 460 : 0; i < history.size(); ++i)
            std::printf("%4zu %s\n", i, history[i].c_str());
        FAIL() << walk.lockstep().disagreement() << "\nPORTICO_SEED=" << seed << " repeats it";
    }
    const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    std::printf("           %lu seeds of %u operations; a second of one CPU: %.0f seeds\n", seeds.count, kSteps,
                static_cast<double>(seeds.count) / seconds);
}

}  // namespace
}  // namespace portico::kernel::hosted
