#include <cstdarg>

#include "servers/sysv/server.h"

/// The lines of /proc/sysvipc, in Linux's columns.
namespace portico::sysv_server {

namespace {

[[gnu::format(printf, 2, 3)]] void append(std::string& text, const char* format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    text.append(line, static_cast<size_t>(std::clamp<int>(length, 0, sizeof line - 1)));
}

using Long = long long;
using Unsigned = unsigned long long;

}  // namespace

std::string text_of(const Identified<Segment>& segments) {
    std::string text =
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime     "
        "     "
        "         rss                  swap\n";
    for (const auto& [index, segment] : segments.all()) {
        const SegmentStat stat = segment->stat();
        abi::MemoryInfo info;
        (void)native::call(abi::MemoryQuery{segment->memory.get(), reinterpret_cast<uint64_t>(&info)});
        append(text, "%10d %10d  %4o %21llu %5d %5d  %5llu %5u %5u %5u %5u %10lld %10lld %10lld %21llu %21u\n", stat.permissions.key,
               segments.id_of(*segment), stat.permissions.mode, static_cast<Unsigned>(stat.size_bytes), stat.creator, stat.last,
               static_cast<Unsigned>(stat.attachments), stat.permissions.uid, stat.permissions.gid, stat.permissions.creator_uid,
               stat.permissions.creator_gid, static_cast<Long>(stat.attached_s), static_cast<Long>(stat.detached_s),
               static_cast<Long>(stat.changed_s), static_cast<Unsigned>(info.resident_bytes), 0u);
    }
    return text;
}

std::string text_of(const Identified<SemaphoreSet>& sets) {
    std::string text = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n";
    for (const auto& [index, set] : sets.all()) {
        const SemaphoreStat stat = set->stat();
        append(text, "%10d %10d  %4o %10llu %5u %5u %5u %5u %10lld %10lld\n", stat.permissions.key, sets.id_of(*set), stat.permissions.mode,
               static_cast<Unsigned>(stat.count), stat.permissions.uid, stat.permissions.gid, stat.permissions.creator_uid,
               stat.permissions.creator_gid, static_cast<Long>(stat.operated_s), static_cast<Long>(stat.changed_s));
    }
    return text;
}

std::string text_of(const Identified<MessageQueue>& queues) {
    std::string text =
        "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n";
    for (const auto& [index, queue] : queues.all()) {
        const MessageStat stat = queue->stat();
        append(text, "%10d %10d  %4o  %10llu %10llu %5d %5d %5u %5u %5u %5u %10lld %10lld %10lld\n", stat.permissions.key,
               queues.id_of(*queue), stat.permissions.mode, static_cast<Unsigned>(stat.bytes), static_cast<Unsigned>(stat.messages),
               stat.sender, stat.receiver, stat.permissions.uid, stat.permissions.gid, stat.permissions.creator_uid,
               stat.permissions.creator_gid, static_cast<Long>(stat.sent_s), static_cast<Long>(stat.received_s),
               static_cast<Long>(stat.changed_s));
    }
    return text;
}

}  // namespace portico::sysv_server
