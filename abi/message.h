#pragma once

#include <cstdint>

#include "abi/errors.h"
#include "abi/handle.h"

namespace portico::abi {

inline constexpr unsigned kMessageWords = 5;
inline constexpr unsigned kMessageHandlesMax = 4;
inline constexpr uint64_t kForever = ~uint64_t{0};  ///< deadline: wait without bound
inline constexpr uint64_t kNow = 0;                 ///< deadline: do not wait

/// What a received message is; the kernel sets it, senders cannot.
enum class MessageKind : uint8_t {
    Send,           ///< one-way; id is 0
    Call,           ///< someone waits: answer with reply(id)
    Reply,          ///< the answer to an asynchronous call; id is the call's
    Notification,   ///< word[0] holds the bits raised on the send handle with this badge since the last one
    Cancelled,      ///< the call `id`, which this process took, ended without it: drop what was kept for it
    Fault,          ///< a thread stopped on a fault nobody handled: a call whose reply resumes it (see FaultWords)
    ForeignCall,    ///< a thread of a process with a service made a call of another system (see ForeignReply)
    ForeignResult,  ///< the call that was answered RunAndReport has this result in word[0]; a call, any reply resumes the thread
    PageIn,         ///< a thread misses a page of the paged memory object with this badge (see PageInWords); answer with memory_supply
    PageOut,        ///< memory is short: the paged memory object with this badge has dirty pages to be detached (see PageOutWords)
};

/// How the service of a process (process_set_service) answers a ForeignCall: the operation of its reply. The message has the call's number
/// as operation, the caller's thread id as user bits, arguments 1 to 5 as words and the sixth in r14. The service may window_read and
/// window_write all of the caller's memory, offsets being its addresses. If the service dies, its processes go on without it (as Run).
enum class ForeignReply : uint16_t {
    Result,        ///< the call is done: word[0] is what it returns (rax)
    Run,           ///< the caller's runtime library does it, as without a service
    RunAndReport,  ///< so too, and tells the result by a ForeignResult
};
/// In r11, as the runtime's foreign entry gets it: the library is to make the call foreign_report when it has the result.
inline constexpr uint64_t kForeignReportFlag = uint64_t{1} << 63;

/// Bits of a Notification that only the kernel raises; the others are the sender's to define.
inline constexpr uint64_t kNotifySendersGone = uint64_t{1} << 63;    ///< the last handle with this badge was closed
inline constexpr uint64_t kNotifyProcessExited = uint64_t{1} << 62;  ///< the process supervised with this badge ended
inline constexpr uint64_t kNotifyKernelBits = uint64_t{3} << 62;

/// The header word:
///   bits  0-15  operation: the method's ordinal; in a reply the Error
///   bits 16-18  handle_count: the LAST handle_count words carry handles, the first of them in the lowest word
///   bits 19-22  move: bit i set moves handle i out of the sender's table, clear duplicates it
///   bit  23     windows: a call lends memory (see Windows)
///   bits 24-27  kind (set by the kernel)
///   bit  28     steady: an alert does not end this call (its deadline, and the death of either side, do)
///   bit  29     pages: the message carries pages (see Windows)
///   bit  30     copy: with pages, the sender keeps them too: both sides copy on write; else they move
///   bit  31     zero
///   bits 32-63  free for the sender
struct Header {
    uint64_t value = 0;

    constexpr uint16_t operation() const { return static_cast<uint16_t>(value); }
    constexpr Error status() const { return static_cast<Error>(operation()); }
    constexpr unsigned handle_count() const { return (value >> 16) & 7; }
    constexpr bool moves(unsigned i) const { return (value >> (19 + i)) & 1; }
    constexpr bool has_windows() const { return (value >> 23) & 1; }
    constexpr bool is_steady() const { return (value >> 28) & 1; }
    constexpr bool has_pages() const { return (value >> 29) & 1; }
    constexpr bool copies_pages() const { return (value >> 30) & 1; }
    constexpr MessageKind kind() const { return static_cast<MessageKind>((value >> 24) & 15); }
    /// Words only: no handles, nothing lent, no pages.
    constexpr bool is_plain() const { return (value & (uint64_t{0xFF} << 16 | uint64_t{3} << 29)) == 0; }
    constexpr uint32_t user_bits() const { return static_cast<uint32_t>(value >> 32); }

    static constexpr Header make(uint16_t operation, unsigned handle_count = 0, unsigned move_mask = 0, uint32_t user_bits = 0) {
        return {operation | (uint64_t{handle_count} << 16) | (uint64_t{move_mask} << 19) | (uint64_t{user_bits} << 32)};
    }
    constexpr Header with_windows() const { return {value | (uint64_t{1} << 23)}; }
    constexpr Header with_pages(bool copy = false) const { return {value | (uint64_t{1} << 29) | (uint64_t{copy} << 30)}; }
    constexpr Header as_steady() const { return {value | (uint64_t{1} << 28)}; }
    /// The flags by which a caller describes a call, as another header has them: lent memory, steady; pages too, if either has them.
    constexpr Header with_call_flags_of(Header other) const {
        constexpr uint64_t kFlags = uint64_t{1} << 23 | uint64_t{1} << 28, kPages = uint64_t{1} << 29;
        return {(value & ~kFlags) | (other.value & (kFlags | kPages))};
    }
    constexpr Header with_kind(MessageKind kind) const { return {(value & ~(uint64_t{15} << 24)) | (static_cast<uint64_t>(kind) << 24)}; }
};

/// One cache line. The kernel fills id and badge; senders cannot forge them.
struct Message {
    uint64_t id = 0;
    uint64_t badge = 0;
    Header header;
    uint64_t word[kMessageWords]{};
};
static_assert(sizeof(Message) == 64);

/// Memory that goes with a message, in one of two ways.
///   windows: a caller lends it for the duration of one call. The receiver reads the first range with window_read and writes
///            the second with window_write, by the call's id; both at most kWindowBytesMax long.
///   pages:   the pages of the first range go to the receiver, those of its reply (or of a message received) land in the second.
///            Both are page-aligned ranges of private anonymous memory, at most kMessagePagesMax pages; see docs/ipc.md.
struct Windows {
    uint64_t readable_address = 0;
    uint64_t writable_address = 0;
    uint32_t readable_bytes = 0;
    uint32_t writable_bytes = 0;
};
static_assert(sizeof(Windows) == 24);
inline constexpr uint32_t kWindowBytesMax = 1u << 30;
inline constexpr uint32_t kMessagePagesMax = 256;
inline constexpr uint32_t kBatchMax = 64;  ///< messages in one port_send_batch or port_receive_batch

enum class FaultKind : uint32_t {
    None,
    Alert,
    Page,
    GeneralProtection,
    InvalidOpcode,
    DivideError,
    Breakpoint,
    Debug,
    FloatingPoint,
    Alignment,
    BadCall,
    PageLost,  ///< the pager of the memory object did not supply the page: it has none, failed, is late, or is gone
    NoMemory,  ///< no memory for the page that was touched. Never an upcall: the supervisor makes room and replies, or kills
};

/// Words of a message of kind Fault. Reply with status None to retry the instruction.
struct FaultWords {
    FaultKind kind;
    uint32_t access;       ///< Page, PageLost, NoMemory: Access bits that were tried; else the error code
    uint64_t address;      ///< Page, PageLost, NoMemory: the address; else 0
    uint64_t instruction;  ///< where
    uint64_t stack;
    uint64_t zero;
};
static_assert(sizeof(FaultWords) == 8 * kMessageWords);

/// Words of a message of kind PageIn. One is sent for a page however many threads wait for it; again if all of them gave up since.
struct PageInWords {
    uint64_t offset_bytes;  ///< of the page in the memory object
    uint64_t length_bytes;  ///< of it and its neighbours above that are absent too: a hint for reading ahead
    uint64_t access;        ///< Access bits that were tried
    uint64_t memory_id;     ///< as memory_query tells it
    uint64_t zero;
};
static_assert(sizeof(PageInWords) == 8 * kMessageWords);

/// Words of a message of kind PageOut. At most one waits for each object; if nothing comes of it, it is sent again.
struct PageOutWords {
    uint64_t offset_bytes;  ///< a range that the kernel would have back: memory_detach tells which pages of it are dirty
    uint64_t length_bytes;
    uint64_t memory_id;
    uint64_t zero[2];
};
static_assert(sizeof(PageOutWords) == 8 * kMessageWords);

/// Registers of the message system calls (the other calls use Arguments in abi/call_doc.h).
///
///   in:  rax number  rdi handle (call id for port_reply)  rsi header  rdx r10 r8 r9 r12 words 0-4
///        r13 deadline (absolute, ns)  r14, r15 window or page addresses: readable (or to send), writable (or where pages land)
///        rbx their lengths (r14's in the low half, r15's in the high)
///        port_reply_receive: rdi port, r14 the id to reply to;  port_call_async: r14 reply port (no windows, no pages)
///        port_forward: rdi send handle, r14 the id to hand on, r15 address of pages to send (length in rbx's low half)
///   out: rax Error  rdi id  rsi header  rdx r10 r8 r9 r12 words  r13 badge; rcx and r11 are lost, the rest is kept,
///        but for receives: rbx window lengths that a Call lends, or without windows the bytes of pages that came (low half)
///        and of those that may land with the reply (high half);
///        r14 of a ForeignCall the sixth argument; else the key of the port, if it was received through a set
///        and for calls whose reply carried pages: rbx low half, their bytes
struct MessageRegisters {
    uint64_t handle_or_id = 0;
    Header header;
    uint64_t word[kMessageWords]{};
    uint64_t deadline_or_badge = kForever;
    uint64_t r14 = 0;
    uint64_t r15 = 0;
    uint64_t rbx = 0;
};

}  // namespace portico::abi
