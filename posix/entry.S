# Where control enters and leaves the library. Offsets from GS are those of Thread (thread.h), offsets in the frame those of
# abi::Registers. The frame lies at a fixed place at the top of the thread's runtime stack, so leaving can start over.

.set kProgramRsp, 8
.set kFrame, 24
.set kPending, 32
.set kFullRestore, 36
.set kUpcallStackTop, 40
.set kVectorState, 48
.set kVectorMask, 56

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

.set kUpcallReturn, 0x8000 + 42
.set kInterrupted, 12

.section .text.entry, "ax", @progbits

# First thread of an address space: rdi = boot block, no stack.
.global portico_start
.type portico_start, @function
portico_start:
    lea portico_start_stack_end(%rip), %rsp
    xor %ebp, %ebp
    cld
    call portico_start_main
    ud2

# A Linux call: rcx = return address, r11 = flags, all else as the program had it, its red zone included.
.global portico_foreign_entry
.type portico_foreign_entry, @function
portico_foreign_entry:
    mov %rsp, %gs:kProgramRsp
    mov %gs:kFrame, %rsp
    mov %rax, kRax(%rsp)
    mov %rbx, kRbx(%rsp)
    mov %rcx, kRcx(%rsp)
    mov %rdx, kRdx(%rsp)
    mov %rsi, kRsi(%rsp)
    mov %rdi, kRdi(%rsp)
    mov %rbp, kRbp(%rsp)
    mov %r8, kR8(%rsp)
    mov %r9, kR9(%rsp)
    mov %r10, kR10(%rsp)
    mov %r11, kR11(%rsp)
    mov %r12, kR12(%rsp)
    mov %r13, kR13(%rsp)
    mov %r14, kR14(%rsp)
    mov %r15, kR15(%rsp)
    mov %rcx, kRip(%rsp)
    mov %r11, kRflags(%rsp)
    mov %gs:kProgramRsp, %rcx
    mov %rcx, kRsp(%rsp)
    cld
    xor %ebp, %ebp
    mov %gs:0, %rdi
    call portico_linux_call
    # falls through

# Back to the program. An alert inside the range starts it over (upcall.cpp), so none is left behind.
.global portico_exit_to_program
.type portico_exit_to_program, @function
.global portico_exit_restart
.global portico_exit_test
.global portico_exit_end
portico_exit_to_program:
portico_exit_restart:
    mov %gs:kFrame, %rsp
portico_exit_test:
    cmpl $0, %gs:kPending
    jne .Lexit_pending
    cmpl $0, %gs:kFullRestore
    jne .Lexit_full
    mov kRax(%rsp), %rax
    mov kRbx(%rsp), %rbx
    mov kRdx(%rsp), %rdx
    mov kRsi(%rsp), %rsi
    mov kRdi(%rsp), %rdi
    mov kRbp(%rsp), %rbp
    mov kR8(%rsp), %r8
    mov kR9(%rsp), %r9
    mov kR10(%rsp), %r10
    mov kR12(%rsp), %r12
    mov kR13(%rsp), %r13
    mov kR14(%rsp), %r14
    mov kR15(%rsp), %r15
    mov kRflags(%rsp), %r11
    pushq %r11
    popfq
    mov kRip(%rsp), %rcx
    mov kRsp(%rsp), %rsp
    jmp *%rcx
.Lexit_full:
    mov %rsp, %rdi
    mov $kUpcallReturn, %eax
    syscall
portico_exit_end:
    ud2                             # upcall_return refused the frame: its callers check it
.Lexit_pending:
    xor %ebp, %ebp
    mov %gs:0, %rdi
    call portico_pending_at_exit
    jmp portico_exit_to_program

# A fault or an alert; the registers are kept by the kernel, the stack pointer is whatever was interrupted.
.global portico_upcall_entry
.type portico_upcall_entry, @function
portico_upcall_entry:
    mov %gs:kUpcallStackTop, %rsp
    xor %ebp, %ebp
    cld
    mov %gs:0, %rdi
    call portico_upcall
    ud2

# The program was interrupted; its registers are in the frame. Here by upcall_return, on the runtime stack.
.global portico_event_entry
.type portico_event_entry, @function
portico_event_entry:
    xor %ebp, %ebp
    mov %gs:0, %rdi
    call portico_event
    jmp portico_exit_to_program

# The only thread of a forked process: rdi = pid, its frame is a copy of the parent's.
.global portico_fork_child
.type portico_fork_child, @function
portico_fork_child:
    mov %gs:kFrame, %rsp
    xor %ebp, %ebp
    cld
    mov %gs:0, %rsi
    call portico_forked
    jmp .Lload_vector_and_exit

.global portico_thread_child
.type portico_thread_child, @function
portico_thread_child:
    mov %gs:kFrame, %rsp
    xor %ebp, %ebp
    cld
    mov %gs:0, %rdi
    call portico_thread_started
.Lload_vector_and_exit:
    mov %gs:kVectorState, %rdi
    mov %gs:kVectorMask, %rsi
    call portico_load_vector_state
    jmp portico_exit_to_program

# uint64_t portico_wait_call(uint64_t number, MessageRegisters*)
.global portico_wait_call
.type portico_wait_call, @function
.global portico_wait_test
.global portico_wait_end
.global portico_wait_interrupted
portico_wait_call:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    push %rsi
    mov %rdi, %rax
    mov %rsi, %rbx
    mov 0(%rbx), %rdi
    mov 8(%rbx), %rsi
    mov 16(%rbx), %rdx
    mov 24(%rbx), %r10
    mov 32(%rbx), %r8
    mov 40(%rbx), %r9
    mov 48(%rbx), %r12
    mov 56(%rbx), %r13
    mov 64(%rbx), %r14
    mov 72(%rbx), %r15
    mov 80(%rbx), %rbx
portico_wait_test:
    cmpl $0, %gs:kPending
    jne portico_wait_interrupted
    syscall
portico_wait_end:
    pop %r14
    mov %rdi, 0(%r14)
    mov %rsi, 8(%r14)
    mov %rdx, 16(%r14)
    mov %r10, 24(%r14)
    mov %r8, 32(%r14)
    mov %r9, 40(%r14)
    mov %r12, 48(%r14)
    mov %r13, 56(%r14)
    mov %rbx, 80(%r14)
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
portico_wait_interrupted:
    mov $kInterrupted, %eax
    jmp portico_wait_end

# Access to the program's memory (user_copy.h): no stack is used, so a fault can go straight to the return.
.global portico_user_begin
.global portico_user_end
.global portico_user_fault
portico_user_begin:
.global portico_user_copy
.type portico_user_copy, @function
portico_user_copy:
    mov %rdx, %rcx
    shr $3, %rcx
    rep movsq
    mov %edx, %ecx
    and $7, %ecx
    rep movsb
    xor %eax, %eax
    ret
.global portico_user_clear
.type portico_user_clear, @function
portico_user_clear:
    mov %rsi, %rcx
    xor %eax, %eax
    shr $3, %rcx
    rep stosq
    mov %esi, %ecx
    and $7, %ecx
    rep stosb
    ret
.global portico_user_string_length
.type portico_user_string_length, @function
portico_user_string_length:         # by whole aligned words: none reaches into a page that the string does not
    mov %edi, %ecx
    mov %rdi, %rdx
    and $7, %ecx
    and $-8, %rdx
    shl $3, %ecx
    mov $1, %eax
    shl %cl, %rax
    dec %rax                        # the bytes before the string, as no zeros
    add %rdi, %rsi                  # the bound as an address
    mov $0x0101010101010101, %r8
    mov $0x8080808080808080, %r9
    or (%rdx), %rax
1:  mov %rax, %rcx
    not %rax
    sub %r8, %rcx
    and %r9, %rax
    and %rcx, %rax                  # the high bit of each byte that is zero
    jnz 2f
    add $8, %rdx
    cmp %rsi, %rdx
    jae 3f
    mov (%rdx), %rax
    jmp 1b
2:  bsf %rax, %rax
    shr $3, %eax
    add %rax, %rdx
3:  cmp %rsi, %rdx
    cmova %rsi, %rdx
    mov %rdx, %rax
    sub %rdi, %rax
    ret
.global portico_user_load_32
.type portico_user_load_32, @function
portico_user_load_32:
    mov (%rsi), %eax
    mov %eax, (%rdi)
    xor %eax, %eax
    ret
.global portico_user_store_32
.type portico_user_store_32, @function
portico_user_store_32:
    mov %esi, (%rdi)
    xor %eax, %eax
    ret
.global portico_user_exchange_32
.type portico_user_exchange_32, @function
portico_user_exchange_32:
    mov (%rsi), %eax
    lock cmpxchg %edx, (%rdi)
    mov %eax, (%rsi)
    mov $0, %eax
    ret
.global portico_user_probe
.type portico_user_probe, @function
portico_user_probe:
    xor %eax, %eax
    lock orb %al, (%rdi)
    lock orb %al, (%rsi)
    ret
# Vector state to and from the program's memory, 64-aligned. xsave leaves most of its header as it was: zeros are put there first.
.global portico_user_save_vector_state
.type portico_user_save_vector_state, @function
portico_user_save_vector_state:
    mov %esi, %eax
    xor %edx, %edx
    test %rsi, %rsi
    jz 1f
    movq $0, 512(%rdi)
    movq $0, 520(%rdi)
    movq $0, 528(%rdi)
    movq $0, 536(%rdi)
    movq $0, 544(%rdi)
    movq $0, 552(%rdi)
    movq $0, 560(%rdi)
    movq $0, 568(%rdi)
    xsave64 (%rdi)
    xor %eax, %eax
    ret
1:  fxsave64 (%rdi)
    ret
.global portico_user_load_vector_state
.type portico_user_load_vector_state, @function
portico_user_load_vector_state:
    mov %esi, %eax
    xor %edx, %edx
    xrstor64 (%rdi)
    xor %eax, %eax
    ret
portico_user_end:
portico_user_fault:
    mov $-1, %rax
    ret

# void portico_save_vector_state(void* area, uint64_t mask)
.global portico_save_vector_state
.type portico_save_vector_state, @function
portico_save_vector_state:
    test %rsi, %rsi
    jz 1f
    mov %esi, %eax
    xor %edx, %edx
    xsave64 (%rdi)
    ret
1:  fxsave64 (%rdi)
    ret

.global portico_load_vector_state
.type portico_load_vector_state, @function
portico_load_vector_state:
    test %rsi, %rsi
    jz 1f
    mov %esi, %eax
    xor %edx, %edx
    xrstor64 (%rdi)
    ret
1:  fxrstor64 (%rdi)
    ret

.global portico_reset_vector_control
.type portico_reset_vector_control, @function
portico_reset_vector_control:
    fninit
    ldmxcsr .Lmxcsr_default(%rip)
    ret

.section .rodata.entry, "a", @progbits
.balign 4
.Lmxcsr_default:
    .long 0x1F80

# RuntimeHeader: the image's first bytes (runtime.ld gives the sizes).
.section .header, "a", @progbits
    .quad 0x454D49544E555250
    .quad portico_text_bytes
    .quad portico_data_bytes
    .quad portico_bss_bytes
    .quad portico_start

.section .bss.start_stack, "aw", @nobits
.balign 64
    .skip 0x10000
.global portico_start_stack_end
portico_start_stack_end:

.section .note.GNU-stack, "", @progbits
