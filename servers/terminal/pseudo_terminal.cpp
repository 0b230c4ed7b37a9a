#include "servers/terminal/pseudo_terminal.h"

namespace portico::terminal {

void PseudoTerminal::change(const protocols::terminal::ChangePseudo& change, int64_t now_ns) {
    using enum protocols::file::Change;
    constexpr uint32_t kPermissionBits = 07777;
    const auto has = [&](protocols::file::Change one) { return (change.changes & static_cast<uint32_t>(one)) != 0; };
    if (has(Mode)) attributes_.mode = (attributes_.mode & ~kPermissionBits) | (change.mode & kPermissionBits);
    if (has(Owner)) attributes_.uid = change.uid;
    if (has(Group)) attributes_.gid = static_cast<uint32_t>(change.gid);
    if (has(AccessTime)) attributes_.access_ns = change.access_ns;
    if (has(ModifyTime)) attributes_.modify_ns = change.modify_ns;
    if (has(AccessNow)) attributes_.access_ns = now_ns;
    if (has(ModifyNow)) attributes_.modify_ns = now_ns;
    attributes_.change_ns = now_ns;
}

}  // namespace portico::terminal
