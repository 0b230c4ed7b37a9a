# Clearing and copying a page. By vector registers, which the kernel uses nowhere else and gives back as they were: a quarter of the stores
# of plain moves. A processor with fast string instructions would do as well with those, but an emulator takes each of their rounds
# for an instruction. Without AVX (arch_wide_moves is 0) by the plain moves of libs/memory_functions.cpp.

.set kPageBytes, 4096
.set kAvxInUse, 4                   # of XINUSE: some upper half of a register is not zero
.set kSavedBytes, 32

    .section .text, "ax", @progbits

# Gives ymm0 back and returns. Where no upper half was in use none is marked so afterwards, which would slow the program's SSE code down.
.macro restore_and_return
    testb $kAvxInUse, %al
    jz 2f
    vmovdqu (%rsp), %ymm0
    addq $kSavedBytes, %rsp
    ret
2:
    vmovdqu (%rsp), %xmm0
    vzeroupper
    addq $kSavedBytes, %rsp
    ret
.endm

    .globl arch_zero_page           # (void* page)
    .balign 64
arch_zero_page:
    cmpb $0, arch_wide_moves(%rip)
    je plain_zero
    movl $1, %ecx
    xgetbv
    subq $kSavedBytes, %rsp
    vmovdqu %ymm0, (%rsp)
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

    .globl arch_copy_page           # (void* to, const void* from)
    .balign 64
arch_copy_page:
    cmpb $0, arch_wide_moves(%rip)
    je plain_copy
    movl $1, %ecx
    xgetbv
    subq $kSavedBytes, %rsp
    vmovdqu %ymm0, (%rsp)
    leaq kPageBytes(%rdi), %rcx
1:
    .set at, 0
    .rept 16
    vmovdqa at(%rsi), %ymm0
    vmovdqa %ymm0, at(%rdi)
    .set at, at + 32
    .endr
    addq $512, %rsi
    addq $512, %rdi
    cmpq %rcx, %rdi
    jne 1b
    restore_and_return
plain_copy:
    movl $kPageBytes, %edx
    jmp memcpy

    .section .note.GNU-stack, "", @progbits
