#include "posix/signal_frame.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <ucontext.h>

#include <cstring>
#include <vector>

namespace portico::posix {
namespace {

TEST(SignalFrame, ContextHasTheLayoutOfTheHostsUcontext) {
    UserContext context{};
    abi::Registers registers{};
    registers.rax = 1, registers.rsp = 2, registers.rip = 3, registers.r15 = 4, registers.rcx = 5, registers.rflags = 6;
    context.machine = MachineContext::of(registers);
    context.mask = 0x55;
    context.stack = {.address = 0x1000, .flags = 0, .length_bytes = 0x2000};
    context.machine.vector_state = 0x77;
    ucontext_t host{};
    std::memcpy(static_cast<void*>(&host), &context, sizeof(context));
    EXPECT_EQ(host.uc_mcontext.gregs[REG_RAX], 1);
    EXPECT_EQ(host.uc_mcontext.gregs[REG_RSP], 2);
    EXPECT_EQ(host.uc_mcontext.gregs[REG_RIP], 3);
    EXPECT_EQ(host.uc_mcontext.gregs[REG_R15], 4);
    EXPECT_EQ(host.uc_mcontext.gregs[REG_RCX], 5);
    EXPECT_EQ(host.uc_mcontext.gregs[REG_EFL], 6);
    EXPECT_EQ(reinterpret_cast<uint64_t>(host.uc_mcontext.fpregs), 0x77u);
    EXPECT_EQ(host.uc_stack.ss_size, 0x2000u);
    EXPECT_TRUE(sigismember(&host.uc_sigmask, 1));
    EXPECT_FALSE(sigismember(&host.uc_sigmask, 2));
}

TEST(SignalFrame, DetailsHaveTheLayoutOfTheHostsSiginfo) {
    siginfo_t host{};
    SignalDetails details = SignalDetails::of({.number = kChild, .code = 1, .pid = 12, .uid = 34, .status = 56});
    std::memcpy(&host, &details, sizeof(details));
    EXPECT_EQ(host.si_signo, SIGCHLD);
    EXPECT_EQ(host.si_pid, 12);
    EXPECT_EQ(host.si_uid, 34u);
    EXPECT_EQ(host.si_status, 56);
    details = SignalDetails::of_fault(kSegv, 2, 0x1234);
    std::memcpy(&host, &details, sizeof(details));
    EXPECT_EQ(reinterpret_cast<uint64_t>(host.si_addr), 0x1234u);
    details = SignalDetails::of({.number = 40, .code = -1, .pid = 7, .value = 0x1122'3344'5566});
    std::memcpy(&host, &details, sizeof(details));
    EXPECT_EQ(reinterpret_cast<uint64_t>(host.si_value.sival_ptr), 0x1122'3344'5566u);
}

TEST(SignalFrame, IsPlacedAsIfTheHandlerWereCalled) {
    for (uint64_t stack = 0x10000; stack < 0x10080; stack += 8) {
        const SignalFramePlace place = place_signal_frame(stack, 836);
        EXPECT_EQ(place.vector_state % 64, 0u);
        EXPECT_LE(place.vector_state + 836, stack);
        EXPECT_EQ((place.frame + 8) % 16, 0u);
        EXPECT_LE(place.frame + sizeof(SignalFrame), place.vector_state);
    }
}

TEST(SignalFrame, RegistersComeBackWithoutPrivileges) {
    abi::Registers registers{};
    registers.rbx = 9;
    registers.rflags = ~uint64_t{0};
    const abi::Registers back = MachineContext::of(registers).registers();
    EXPECT_EQ(back.rbx, 9u);
    EXPECT_EQ(back.rflags & 0x3000, 0u);  // IOPL
    EXPECT_NE(back.rflags & 0x200, 0u);   // interrupts stay on
    EXPECT_EQ(back.rflags & 0x100, 0u);   // no single steps
}

TEST(SignalFrame, VectorStateIsMadeFitToLoad) {
    std::vector<uint8_t> state(1024, 0xFF);
    clean_vector_state(state.data(), 7, 0xFFBF, true);
    uint32_t mxcsr;
    std::memcpy(&mxcsr, &state[24], 4);
    EXPECT_EQ(mxcsr, 0xFFBFu);
    EXPECT_EQ(state[512], 7);
    for (size_t i = 513; i < 576; ++i) EXPECT_EQ(state[i], 0) << i;
    clean_vector_state(state.data(), 7, 0xFFBF, false);
    EXPECT_EQ(state[512], 3);
}

}  // namespace
}  // namespace portico::posix
