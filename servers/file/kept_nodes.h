#pragma once

#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "libs/result.h"

namespace portico::file_server {

/// The nodes of a file system that has its files elsewhere: one for each number that is used, and the `recent_max` last used ones with the
/// pages of their files. One whose bytes a process maps stays as long as that, whoever else has let go of it.
///
/// `N` has number(), removed(), is_mapped(), write_back() and evict(pages_max).
///
/// Ownership: shares the nodes that it keeps; all others only as long as somebody has them. Locks: none, the server is one thread.
template <class N>
class KeptNodes {
public:
    using Number = decltype(std::declval<N&>().number());

    explicit KeptNodes(size_t recent_max) : recent_max_(recent_max) {}
    KeptNodes(const KeptNodes&) = delete;
    KeptNodes& operator=(const KeptNodes&) = delete;
    ~KeptNodes() { end(); }

    /// Nothing is kept any more.
    void end() {
        is_ending_ = true;
        lingering_.clear();
        recent_.clear();
    }

    /// The node with a number, which is the last used one now; null if there is none.
    std::shared_ptr<N> find(Number number) {
        const auto found = nodes_.find(number);
        if (found == nodes_.end()) return nullptr;
        std::shared_ptr<N> known = found->second.node.lock();
        if (known) use(found->second, known);
        return known;
    }

    /// Takes a new one.
    std::shared_ptr<N> add(N* node) {
        std::shared_ptr<N> made = adopt(node);
        use(nodes_[made->number()], made);
        return made;
    }

    /// Whether anybody but the caller, who has one reference, and what is kept for later use has one.
    bool is_used(const std::shared_ptr<N>& node) const {
        const auto found = nodes_.find(node->number());
        const long kept = found != nodes_.end() && found->second.is_recent ? 1 : 0;
        return node.use_count() > 1 + kept || node->is_mapped();
    }

    /// A removed node is not kept for later use.
    void forget(N& node) {
        const auto found = nodes_.find(node.number());
        if (found == nodes_.end()) return;
        if (found->second.is_recent) recent_.erase(found->second.recent);
        found->second.is_recent = false;
    }

    /// Lets go of those that nobody maps any more. Going, they may come back to the list.
    void look_at_mapped() {
        for (std::vector<std::shared_ptr<N>> all = std::exchange(lingering_, {}); !all.empty(); all.pop_back())
            if (all.back()->is_mapped()) lingering_.push_back(all.back());
    }

    /// Takes about so many pages out of memory, of the files that were not used for longest.
    void evict(uint64_t pages) {
        uint64_t freed = 0;
        for (auto node = recent_.rbegin(); node != recent_.rend() && freed < pages; ++node) freed += (*node)->evict(pages - freed);
    }

private:
    struct Kept {
        std::weak_ptr<N> node;
        typename std::list<std::shared_ptr<N>>::iterator recent;
        bool is_recent = false;
    };

    std::shared_ptr<N> adopt(N* node) {
        return {node, [this](N* last) { release(last); }};
    }

    void use(Kept& kept, std::shared_ptr<N> node) {
        kept.node = node;
        if (node->removed()) return;
        if (kept.is_recent) {
            recent_.splice(recent_.begin(), recent_, kept.recent);
            return;
        }
        recent_.push_front(std::move(node));
        kept.recent = recent_.begin();
        kept.is_recent = true;
        while (recent_.size() > recent_max_) {
            const std::shared_ptr<N> oldest = std::move(recent_.back());
            recent_.pop_back();
            nodes_[oldest->number()].is_recent = false;
            if (oldest.use_count() == 1) (void)oldest->write_back();
        }
    }

    void release(N* node) {
        const Number number = node->number();
        if (!is_ending_ && node->is_mapped()) {
            lingering_.push_back(adopt(node));
            if (Kept& kept = nodes_[number]; kept.node.expired()) kept.node = lingering_.back();
            return;
        }
        if (!node->removed()) (void)node->write_back();
        // A removed one's number may be another's as soon as the node has gone, or is already.
        if (const auto found = nodes_.find(number); found != nodes_.end() && found->second.node.expired()) nodes_.erase(found);
        delete node;
    }

    size_t recent_max_;
    std::unordered_map<Number, Kept> nodes_;
    std::list<std::shared_ptr<N>> recent_;       // the last used first
    std::vector<std::shared_ptr<N>> lingering_;  // only because they are mapped
    bool is_ending_ = false;
};

}  // namespace portico::file_server
