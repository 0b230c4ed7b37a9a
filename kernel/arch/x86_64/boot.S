# From the PVH entry (32-bit protected mode, no paging, ebx = hvm_start_info) to boot_prepare in boot.cpp, and the same way
# for the other CPUs from real mode. The static tables map the first GiB three times: at 0, at the direct map, at the kernel.

.set kKernelBase, 0xffffffff80000000
.set kControl0, 0x80050033          # PG AM WP NE ET MP PE
.set kControl4, 0x20                # PAE
.set kMsrEfer, 0xc0000080
.set kEfer, 0x901                   # NXE LME SCE
.set kFeatures, 0x20100800          # of CPUID 0x80000001 edx: LM NX SYSCALL
.set kKernelCode, 0x10
.set kKernelData, 0x18

    .section .note.xen, "a", @note
    .balign 4
    .long 4, 8, 18                  # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad boot_entry - kKernelBase

    .section .text.entry, "ax", @progbits
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    movl $(boot_stack_end - kKernelBase), %esp
    movl %ebx, %ebp
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb boot_refuse
    movl $0x80000001, %eax
    cpuid
    andl $kFeatures, %edx
    cmpl $kFeatures, %edx
    jne boot_refuse
    movl $kControl4, %eax
    movl %eax, %cr4
    movl $(boot_tables - kKernelBase), %eax
    movl %eax, %cr3
    movl $kMsrEfer, %ecx
    movl $kEfer, %eax
    xorl %edx, %edx
    wrmsr
    movl $kControl0, %eax
    movl %eax, %cr0
    lgdtl (boot_gdt_pointer - kKernelBase)
    ljmpl $kKernelCode, $(boot_long - kKernelBase)

# No 64-bit code will run here, so say it with what a 32-bit CPU can do.
boot_refuse:
    movl $(boot_refusal - kKernelBase), %esi
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, $0xe9
    movw $0x3f8, %dx
    outb %al, %dx
    jmp 1b
2:  movl $0x7f, %eax
    outl %eax, $0xf4
3:  hlt
    jmp 3b

    .code64
boot_long:
    movabsq $boot_high, %rax
    jmpq *%rax
boot_high:
    movl $kKernelData, %eax
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movq $boot_stack_end, %rsp

    # The stack guard must not change while any function that checks it runs, so it is chosen before the first one.
    movl $1, %eax
    cpuid
    xorl %esi, %esi
    btl $30, %ecx
    jnc 1f
    rdrandq %rsi
1:  rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    movabsq $0x9e3779b97f4a7c15, %rcx
    imulq %rcx, %rax
    xorq %rsi, %rax
    xorb %al, %al                   # a zero byte stops string overruns
    movq %rax, __stack_chk_guard(%rip)

    movl %ebp, %edi
    xorl %ebp, %ebp
    callq boot_prepare
    movq %rax, %rsp
    callq boot_run
    jmp exit_to_user

# Another CPU in 64-bit mode, still on the boot tables: takes the next free number and with it a stack.
ap_long:
    movabsq $ap_high, %rax
    jmpq *%rax
ap_high:
    movl $kKernelData, %eax
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl $1, %edi
    lock xaddl %edi, ap_next_index(%rip)
    cmpl ap_index_end(%rip), %edi
    jae 1f
    movq kernel_root(%rip), %rax
    movq %rax, %cr3
    movq ap_stack_tops(,%rdi,8), %rsp
    xorl %ebp, %ebp
    callq ap_run
    jmp exit_to_user
1:  cli
    hlt
    jmp 1b

# Copied to a page below 1 MiB; position-independent.
    .section .rodata, "a", @progbits
    .code16
    .globl ap_trampoline, ap_trampoline_end
ap_trampoline:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl (ap_gdt_pointer - ap_trampoline)
    movl $kControl4, %eax
    movl %eax, %cr4
    movl $(boot_tables - kKernelBase), %eax
    movl %eax, %cr3
    movl $kMsrEfer, %ecx
    movl $kEfer, %eax
    xorl %edx, %edx
    wrmsr
    movl $kControl0, %eax
    movl %eax, %cr0
    ljmpl $kKernelCode, $(ap_long - kKernelBase)
    .balign 4
ap_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt - kKernelBase
ap_trampoline_end:
    .code64

boot_refusal:
    .asciz "portico: this kernel needs a 64-bit processor with NX and SYSCALL\n"
    .balign 8
boot_gdt:
    .quad 0, 0
    .quad 0x00af9a000000ffff        # 0x10 kernel code
    .quad 0x00cf92000000ffff        # 0x18 kernel data
boot_gdt_end:
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt - kKernelBase

    .balign 4096
boot_tables:
    .quad boot_table_low - kKernelBase + 3
    .fill 255, 8, 0
    .quad boot_table_low - kKernelBase + 3
    .fill 254, 8, 0
    .quad boot_table_high - kKernelBase + 3
boot_table_low:
    .quad boot_directory - kKernelBase + 3
    .fill 511, 8, 0
boot_table_high:
    .fill 510, 8, 0
    .quad boot_directory - kKernelBase + 3
    .quad 0
boot_directory:
    .set page, 0
    .rept 512
    .quad page + 0x83               # present, writable, 2 MiB
    .set page, page + 0x200000
    .endr

    .section .bss.boot_stack, "aw", @nobits
    .balign 16
    .globl boot_stack, boot_stack_end
boot_stack:
    .skip 16384
boot_stack_end:
    .section .note.GNU-stack, "", @progbits
