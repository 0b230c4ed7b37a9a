#include "servers/process/credential_rules.h"

#include <algorithm>
#include <initializer_list>
#include <span>

namespace portico::process {

namespace {

bool is_one_of(uint32_t id, std::initializer_list<uint32_t> ids) {
    return std::ranges::find(ids, id) != ids.end();
}

bool same_groups(const Credentials& a, const Credentials& b) {
    if (a.group_count != b.group_count) return false;
    return std::ranges::equal(std::span(a.groups).first(a.group_count), std::span(b.groups).first(b.group_count));
}

}  // namespace

bool may_signal(const Credentials& sender, const Credentials& target) {
    return is_privileged(sender) || is_one_of(sender.euid, {target.uid, target.suid}) || is_one_of(sender.uid, {target.uid, target.suid});
}

bool may_become(const Credentials& held, const Credentials& wanted) {
    if (wanted.group_count > std::size(wanted.groups)) return false;
    if (is_privileged(held)) return true;
    for (const uint32_t id : {wanted.uid, wanted.euid, wanted.suid})
        if (!is_one_of(id, {held.uid, held.euid, held.suid})) return false;
    for (const uint32_t id : {wanted.gid, wanted.egid, wanted.sgid})
        if (!is_one_of(id, {held.gid, held.egid, held.sgid})) return false;
    return is_one_of(wanted.fsuid, {held.uid, held.euid, held.suid, held.fsuid}) &&
           is_one_of(wanted.fsgid, {held.gid, held.egid, held.sgid, held.fsgid}) && same_groups(held, wanted);
}

}  // namespace portico::process
