# Entry from user mode and back. Interrupts are off all the way; GS is the Cpu (CpuFrame) while in the kernel.
# Offsets are those of kernel/arch/frames.h, checked in exceptions.cpp.

.set kCpuSelf, 0
.set kCpuStackTop, 8
.set kCpuScratch, 16
.set kCpuCurrent, 24

.set kRax, 0
.set kRbx, 8
.set kRcx, 16
.set kRdx, 24
.set kRsi, 32
.set kRdi, 40
.set kRbp, 48
.set kR8, 56
.set kR9, 64
.set kR10, 72
.set kR11, 80
.set kR12, 88
.set kR13, 96
.set kR14, 104
.set kR15, 112
.set kRip, 120
.set kRflags, 128
.set kRsp, 136
.set kForeignEntry, 144
.set kFullRestore, 152
.set kGsBase, 168

.set kNativeBase, 0x8000
.set kPortSend, 6
.set kPortCall, 7
.set kPortReceive, 9
.set kPortReplyReceive, 11
.set kUserCode, 0x33
.set kUserData, 0x2b
.set kUserFlags, 0x244dd5           # ID AC NT OF DF TF SF ZF AF PF CF: what a program may set
.set kFixedFlags, 0x202             # IF and the bit that is always one
.set kForeignFlags, ~0x500          # the runtime starts without TF and DF

    .section .text.entry, "ax", @progbits

.macro save_arguments frame
    movq %rdx, kRdx(\frame)
    movq %rsi, kRsi(\frame)
    movq %rdi, kRdi(\frame)
    movq %r8, kR8(\frame)
    movq %r9, kR9(\frame)
    movq %r10, kR10(\frame)
.endm

.macro save_callee_saved frame
    movq %rbx, kRbx(\frame)
    movq %rbp, kRbp(\frame)
    movq %r12, kR12(\frame)
    movq %r13, kR13(\frame)
    movq %r14, kR14(\frame)
    movq %r15, kR15(\frame)
.endm

.macro save_all frame
    save_arguments \frame
    save_callee_saved \frame
    movq %r11, kR11(\frame)
.endm

.macro load_arguments frame
    movq kRdx(\frame), %rdx
    movq kRsi(\frame), %rsi
    movq kR8(\frame), %r8
    movq kR9(\frame), %r9
    movq kR10(\frame), %r10
    movq kRdi(\frame), %rdi
.endm

# All but rcx, r11, rsp and the argument registers.
.macro load_most
    movq kRax(%rdi), %rax
    movq kRbx(%rdi), %rbx
    movq kRbp(%rdi), %rbp
    movq kR12(%rdi), %r12
    movq kR13(%rdi), %r13
    movq kR14(%rdi), %r14
    movq kR15(%rdi), %r15
.endm

# The frame of a thread that came by syscall, but for the callee-saved registers. rsp is free as a pointer, since only IST handlers can
# come in between; it stays the frame.
.macro save_syscall
    movq %gs:kCpuCurrent, %rsp
    movq %rcx, kRip(%rsp)
    movq %r11, kRflags(%rsp)
    movq %gs:kCpuScratch, %rcx
    movq %rcx, kRsp(%rsp)
    movq %rax, kRax(%rsp)
    save_arguments %rsp
    movq $0, kFullRestore(%rsp)
.endm

.macro enter_kernel_stack
    movq %gs:kCpuStackTop, %rsp
    movq %gs:kCpuSelf, %rdi
.endm

    .globl syscall_entry
    .balign 64
syscall_entry:
    swapgs
    movq %rsp, %gs:kCpuScratch
    cmpq $kNativeBase, %rax
    jb foreign_call
    save_syscall
    movq calls_with_all_registers(%rip), %rcx
    btq %rax, %rcx                  # by the number modulo 64
    jc whole_frame
    enter_kernel_stack              # rbp stays the program's: backtraces stop at what is no kernel stack
    callq _ZN7portico6kernel19enter_quick_syscallERNS0_3CpuE  # enter_quick_syscall(Cpu&)
    movq %gs:kCpuCurrent, %rdi
    testb %al, %al
    jnz leave_quick
    movq kRip(%rdi), %rcx           # both as the program had them, or near
    movq kRflags(%rdi), %r11
    movq kRax(%rdi), %rax
    movq kRsp(%rdi), %rsp
    load_arguments %rdi
    swapgs
    sysretq

leave_quick:
    save_callee_saved %rdi
    movq %gs:kCpuSelf, %rdi
    xorl %ebp, %ebp
    callq _ZN7portico6kernel13leave_syscallERNS0_3CpuE  # leave_syscall(Cpu&)
    jmp exit_to_user

whole_frame:
    save_callee_saved %rsp
    movq %gs:kCpuStackTop, %rsp
    movq %gs:kCpuSelf, %r15         # the rest of the message is in its registers already, but r10 in rcx: see enter_call
    movq %r10, %rcx
    cmpq $kNativeBase + kPortCall, %rax
    je call
    cmpq $kNativeBase + kPortReplyReceive, %rax
    je reply_receive
    cmpq $kNativeBase + kPortReceive, %rax
    je receive
    cmpq $kNativeBase + kPortSend, %rax
    je send
    xorl %ebp, %ebp
    callq enter_whole_syscall

# A frame without full_restore is as syscall left it: rip is a user address (with another one sysret would fault here, in the kernel but
# on the user's stack) and rflags are the program's own. Whoever writes other values sets full_restore.
    .globl exit_to_user
exit_to_user:
    movq %gs:kCpuCurrent, %rdi
    cmpq $0, kFullRestore(%rdi)
    jne exit_full
    movq kRip(%rdi), %rcx
    movq kRflags(%rdi), %r11
    load_most
    movq kRsp(%rdi), %rsp
    load_arguments %rdi
    swapgs
    sysretq

call:
    callq enter_call
    jmp exit_to_user

reply_receive:
    callq enter_reply_receive
    jmp exit_to_user

receive:
    callq enter_receive
    jmp exit_to_user

send:
    callq enter_send
    jmp exit_to_user

# r14 is the frame. GS is loaded here, since it is the program's now and rax is free.
    .globl exit_with_message
exit_with_message:
    movq %rcx, %r10
    movq kGsBase(%r14), %rax
    cmpq $0, kFullRestore(%r14)
    jne exit_full_with_message
    movq kRip(%r14), %rcx
    movq kRflags(%r14), %r11
    movq kRbx(%r14), %rbx
    movq kRbp(%r14), %rbp
    movq kR15(%r14), %r15
    movq kRsp(%r14), %rsp
    movq kR14(%r14), %r14
    swapgs
    wrgsbase %rax
    xorl %eax, %eax
    sysretq

exit_full_with_message:
    save_arguments %r14
    movq %r12, kR12(%r14)
    movq %r13, kR13(%r14)
    movq $0, kRax(%r14)
    swapgs
    wrgsbase %rax
    swapgs
    jmp exit_to_user

exit_full:
    movq kRip(%rdi), %rax
    shrq $47, %rax
    jnz bad_instruction_pointer
    movq %gs:kCpuStackTop, %rsp
    movq kRflags(%rdi), %rax
    andl $kUserFlags, %eax
    orl $kFixedFlags, %eax
    pushq $kUserData
    pushq kRsp(%rdi)
    pushq %rax
    pushq $kUserCode
    pushq kRip(%rdi)
    load_most
    movq kRcx(%rdi), %rcx
    movq kR11(%rdi), %r11
    load_arguments %rdi
    swapgs
    iretq

# A call of another system: back to user mode at the runtime's entry with every register as it is but rip.
foreign_call:
    movq %gs:kCpuStackTop, %rsp
    pushq $kUserData
    pushq %gs:kCpuScratch
    pushq %r11
    andq $kForeignFlags, (%rsp)
    pushq $kUserCode
    movq %rcx, %gs:kCpuScratch
    movq %gs:kCpuCurrent, %rcx
    pushq kForeignEntry(%rcx)
    movq %gs:kCpuScratch, %rcx
    cmpq $0, (%rsp)
    je foreign_call_to_kernel
    swapgs
    iretq

foreign_call_to_kernel:
    popq %gs:kCpuScratch            # drops the entry
    popq %gs:kCpuScratch            # and the code selector
    popq %gs:kCpuScratch            # and the flags; r11 has them
    popq %gs:kCpuScratch            # the stack pointer
    save_syscall
    save_callee_saved %rsp
    enter_kernel_stack
    xorl %ebp, %ebp
    callq _ZN7portico6kernel18enter_foreign_callERNS0_3CpuE  # enter_foreign_call(Cpu&)
    jmp exit_to_user

bad_instruction_pointer:
    callq arch_bad_exit

# Stubs for all vectors: [vector][error] on the stack, then interrupt_common.
    .balign 16
    .globl interrupt_stubs
interrupt_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
    .else
    pushq $0
    .endif
    pushq $vector
    .if vector == 2
    jmp non_maskable
    .elseif vector == 8 || vector == 18
    jmp unrecoverable
    .else
    jmp interrupt_common
    .endif
    .set vector, vector + 1
    .endr

    .balign 64
interrupt_common:
    testb $3, 24(%rsp)
    jz interrupt_in_kernel
    swapgs
    clac                            # the program's AC would switch SMAP off
    cld
    pushq %rax
    movq %gs:kCpuCurrent, %rax
    movq %rcx, kRcx(%rax)
    save_all %rax
    popq kRax(%rax)
    popq %rsi                       # vector
    popq %rdx                       # error
    popq kRip(%rax)
    popq %rcx
    popq kRflags(%rax)
    popq kRsp(%rax)
    movq $1, kFullRestore(%rax)
    movq %gs:kCpuStackTop, %rsp
    movq %gs:kCpuSelf, %rdi
    xorl %ebp, %ebp
    callq arch_user_interrupt
    jmp exit_to_user

interrupt_in_kernel:
    cld
    cmpq $32, (%rsp)
    jb kernel_exception
    pushq %rax                      # the core waits in wait_for_interrupt
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    movq 72(%rsp), %rsi
    movq %gs:kCpuSelf, %rdi
    pushq %rbp
    movq %rsp, %rbp
    andq $-16, %rsp
    callq arch_idle_interrupt
    movq %rbp, %rsp
    popq %rbp
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    iretq

# On an IST stack, from anywhere, so GS may be either; the word above the frame is our Cpu.
unrecoverable:
    cld
    pushq %rax
    movq 64(%rsp), %rax
    wrgsbase %rax
    popq %rax
kernel_exception:
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %r11
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %rbp
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rbx
    pushq %rax
    movq %rsp, %rdi
    movq 136(%rsp), %rax            # so that a backtrace starts at the instruction at fault
    andq $-16, %rsp
    pushq %rax
    pushq %rbp
    movq %rsp, %rbp
    callq arch_kernel_exception

# Somebody wants this CPU stopped, or nobody knows why: GS may be either, so touch nothing of the Cpu.
non_maskable:
    cmpb $0, arch_stop_requested(%rip)
    jne 1f
    addq $16, %rsp
    iretq
1:  cli
    hlt
    jmp 1b

    .section .note.GNU-stack, "", @progbits
