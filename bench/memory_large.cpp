/// A static program with the libc's start whose file has 2 MiB more, of which it needs two pages.
asm(".section .rodata\n"
    ".globl ballast\n"
    "ballast: .fill 0x200000, 1, 0x5A\n"
    ".text");

extern "C" const volatile unsigned char ballast[0x200000];

int main() {
    return ballast[0] == ballast[sizeof(ballast) - 1] ? 0 : 1;
}
