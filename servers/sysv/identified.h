#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <memory>

#include "libs/result.h"
#include "protocols/sysv.h"

namespace portico::sysv_server {

namespace sysv = protocols::sysv;
using sysv::Trouble;

/// struct ipc64_perm, with which each of the three structures that IPC_STAT fills begins.
struct Permissions {
    int32_t key = 0;
    uint32_t uid = 0, gid = 0, creator_uid = 0, creator_gid = 0, mode = 0;
    uint16_t sequence = 0, zero[3]{};
    uint64_t reserved[2]{};
};
static_assert(sizeof(Permissions) == 48);

inline int64_t now_s() {
    return std::time(nullptr);
}

/// Things by key and by id, as System V has them. An id is index + 32768 * sequence; the sequence goes up with each new thing, so that an
/// id of one that was removed is not soon another's.
///
/// Ownership: shared with handlers that wait for a thing, which may outlive its entry: `removed` tells them. Bound: count_max things.
template <class Thing>
class Identified {
public:
    static constexpr int32_t kIndexes = 32768;

    explicit Identified(size_t count_max) : count_max_(count_max) {}

    std::shared_ptr<Thing> by_key(int32_t key) const {
        for (const auto& [index, thing] : all_)
            if (key != 0 && thing->permissions.key == key) return thing;
        return nullptr;
    }
    std::shared_ptr<Thing> by_index(int32_t index) const {
        const auto found = all_.find(index);
        return found == all_.end() ? nullptr : found->second;
    }
    /// Errors: InvalidArgument (no such id).
    Result<std::shared_ptr<Thing>> by_id(int32_t id) const {
        const std::shared_ptr<Thing> thing = id < 0 ? nullptr : by_index(id % kIndexes);
        if (!thing || thing->permissions.sequence != id / kIndexes) return fail(Error::InvalidArgument);
        return thing;
    }
    static int32_t id_of(const Thing& thing) { return thing.index + kIndexes * thing.permissions.sequence; }

    bool full() const { return all_.size() >= count_max_; }
    void add(std::shared_ptr<Thing> thing) {
        int32_t index = 0;
        while (all_.contains(index)) ++index;
        thing->index = index;
        thing->permissions.sequence = sequence_;
        sequence_ = static_cast<uint16_t>((sequence_ + 1) % 0xFFFF);
        all_.emplace(index, std::move(thing));
    }
    void remove(const Thing& thing) { all_.erase(thing.index); }

    const std::map<int32_t, std::shared_ptr<Thing>>& all() const { return all_; }
    int32_t index_max() const { return all_.empty() ? 0 : all_.rbegin()->first; }

private:
    size_t count_max_;
    std::map<int32_t, std::shared_ptr<Thing>> all_;
    uint16_t sequence_ = 0;
};

/// What IPC_SET changes of permissions.
inline void change(Permissions& to, const Permissions& from) {
    to.uid = from.uid;
    to.gid = from.gid;
    to.mode = (to.mode & ~0777u) | (from.mode & 0777);
}

}  // namespace portico::sysv_server
