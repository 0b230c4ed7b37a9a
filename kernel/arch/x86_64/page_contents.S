# Clearing a page, and copying long stretches. By vector registers, which the kernel uses nowhere else and gives back as they were: a quarter
# of the stores of plain moves. A processor with fast string instructions would do as well with those, but an emulator takes each of
# their rounds for an instruction. Without AVX (arch_wide_moves is 0) by the plain moves of libs/memory_functions.cpp.

.set kPageBytes, 4096
.set kAvxInUse, 4                   # of XINUSE: some upper half of a register is not zero

    .section .text, "ax", @progbits

# Keeps ymm0 and ymm1 on the stack, and XINUSE in eax; changes ecx and edx.
.macro borrow_registers
    movl $1, %ecx
    xgetbv
    subq $64, %rsp
    vmovdqu %ymm0, (%rsp)
    vmovdqu %ymm1, 32(%rsp)
.endm

# Gives them back and returns. Where no upper half was in use none is marked so afterwards, which would slow the program's SSE code down.
.macro restore_and_return
    testb $kAvxInUse, %al
    jz 8f
    vmovdqu (%rsp), %ymm0
    vmovdqu 32(%rsp), %ymm1
    addq $64, %rsp
    ret
8:
    vmovdqu (%rsp), %xmm0
    vmovdqu 32(%rsp), %xmm1
    vzeroupper
    addq $64, %rsp
    ret
.endm

    .globl arch_zero_page           # (void* page)
    .balign 64
arch_zero_page:
    cmpb $0, arch_wide_moves(%rip)
    je plain_zero
    borrow_registers
    vpxor %xmm0, %xmm0, %xmm0
    leaq kPageBytes(%rdi), %rcx
1:
    .set at, 0
    .rept 16
    vmovdqa %ymm0, at(%rdi)
    .set at, at + 32
    .endr
    addq $512, %rdi
    cmpq %rcx, %rdi
    jne 1b
    restore_and_return
plain_zero:
    xorl %esi, %esi
    movl $kPageBytes, %edx
    jmp memset

.macro copy_by_32 count
    .set at, 0
    .rept \count
    vmovdqu at(%rsi), %ymm0
    vmovdqu %ymm0, at(%rdi)
    .set at, at + 32
    .endr
    addq $(32 * \count), %rsi
    addq $(32 * \count), %rdi
.endm

    .globl arch_copy_wide           # (void* to, const void* from, size_t bytes): at least 32, upwards; only with AVX
    .balign 64
arch_copy_wide:
    movq %rdx, %r8
    borrow_registers
    vmovdqu -32(%rsi,%r8), %ymm1    # the last ones, before something may be written over them
    leaq -32(%rdi,%r8), %r9         # and where they go
    subq $512, %r8
    jb 2f
1:
    copy_by_32 16
    subq $512, %r8
    jae 1b
2:                                  # the low bits of r8 are those of what is left
    testl $256, %r8d
    jz 4f
    copy_by_32 8
4:
    testl $128, %r8d
    jz 2f
    copy_by_32 4
2:
    cmpq %r9, %rdi
    jae 3f
    vmovdqu (%rsi), %ymm0
    vmovdqu %ymm0, (%rdi)
    addq $32, %rsi
    addq $32, %rdi
    jmp 2b
3:
    vmovdqu %ymm1, (%r9)
    restore_and_return

    .section .note.GNU-stack, "", @progbits
