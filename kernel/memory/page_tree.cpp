#include "kernel/memory/page_tree.h"

#include "kernel/memory/swap.h"

namespace portico::kernel {

struct PageTree::Node {
    Node(Account& account, unsigned height_above) : payer(&account), height(height_above) { payer->add_reference(); }
    ~Node() { payer->drop_reference(); }

    Account* payer;
    uint32_t references = 1;
    unsigned height;  ///< 1: slots are pages
    uint64_t slot[kSlots]{};

    static Node* of(uint64_t slot) { return reinterpret_cast<Node*>(slot); }
};

namespace {

constexpr unsigned slot_of(uint64_t index, unsigned height) {
    return (index >> (PageTree::kSlotBits * (height - 1))) & 63;
}

}  // namespace

PageTree::Found PageTree::find(uint64_t index) const {
    if (root_ == 0 || index >= capacity(height_)) return {};
    bool exclusive = true;
    uint64_t slot = root_;
    for (unsigned height = height_; height > 0; --height) {
        const Node* node = Node::of(slot);
        exclusive = exclusive && node->references == 1;
        slot = node->slot[slot_of(index, height)];
        if (slot == 0) return {};
    }
    if (is_swapped(slot)) [[unlikely]]
        return {.swapped = true};
    const PhysicalAddress page{slot};
    return {.page = page, .present = true, .exclusive = exclusive && frames.frame(page).references == 1};
}

uint64_t PageTree::users(uint64_t index) const {
    if (root_ == 0 || index >= capacity(height_)) return 1;
    uint64_t users = 1, slot = root_;
    for (unsigned height = height_; height > 0 && slot != 0; --height) {
        users += Node::of(slot)->references - 1;
        slot = Node::of(slot)->slot[slot_of(index, height)];
    }
    if (slot == 0 || is_swapped(slot)) return 1;
    const Frame& frame = frames.frame({slot});
    return users + frame.references - (frame.in_swap() ? 2 : 1);  // the swap space is no user
}

Result<PageTree::Node*> PageTree::make_node(unsigned height) {
    return heap.make<Node>(payer_, payer_, height);
}

Result<PageTree::Node*> PageTree::copy_node(const Node& node) {
    Node* copy = TRY(make_node(node.height));
    for (unsigned i = 0; i < kSlots; ++i) {
        copy->slot[i] = node.slot[i];
        share_slot(node.slot[i], node.height - 1);
    }
    return copy;
}

Result<> PageTree::grow(uint64_t index) {
    while (index >= capacity(height_)) {
        if (root_ != 0) {
            Node* node = TRY(make_node(height_ + 1));
            node->slot[0] = root_;
            root_ = reinterpret_cast<uint64_t>(node);
        }
        ++height_;
    }
    return {};
}

/// The slot of a page, every node on the way exclusively ours.
Result<uint64_t*> PageTree::path(uint64_t index) {
    TRY(grow(index));
    uint64_t* slot = &root_;
    for (unsigned height = height_; height > 0; --height) {
        if (*slot == 0) {
            *slot = reinterpret_cast<uint64_t>(TRY(make_node(height)));
        } else if (Node::of(*slot)->references > 1) {
            Node* copy = TRY(copy_node(*Node::of(*slot)));
            release(*slot, height);
            *slot = reinterpret_cast<uint64_t>(copy);
        }
        slot = &Node::of(*slot)->slot[slot_of(index, height)];
    }
    return slot;
}

Result<PhysicalAddress> PageTree::make_writable(uint64_t index) {
    uint64_t* slot = TRY(path(index));
    ASSERT(!is_swapped(*slot));
    if (*slot != 0 && frames.frame({*slot}).references == 1) return PhysicalAddress{*slot};
    const PhysicalAddress page = TRY(frames.allocate(payer_));
    if (*slot == 0) {
        arch::zero_page(arch::to_virtual(page));
    } else {
        arch::copy_page(arch::to_virtual(page), arch::to_virtual({*slot}));
        frames.release({*slot});
    }
    frames.frame(page).references = 1;
    *slot = page.value;
    return page;
}

PageTree::Run PageTree::run(uint64_t index, uint64_t count_max) {
    Run run{.count = std::min<uint64_t>(count_max, kSlots - index % kSlots)};
    if (index >= capacity(height_)) return run;
    bool exclusive = true;
    uint64_t* slot = &root_;
    for (unsigned height = height_; height > 0; --height) {
        if (*slot == 0) return run;
        Node* node = Node::of(*slot);
        exclusive = exclusive && node->references == 1;
        slot = &node->slot[slot_of(index, height)];
    }
    return {.slots = slot, .count = height_ == 0 ? 1 : run.count, .exclusive = exclusive};
}

Result<> PageTree::make_exclusive(uint64_t index, uint64_t count) {
    TRY(grow(index + count - 1));
    for (uint64_t done = 0; done < count; done += kSlots - (index + done) % kSlots) TRY(path(index + done));
    return {};
}

Result<> PageTree::put_slot(uint64_t index, uint64_t page) {
    uint64_t* slot = TRY(path(index));
    share_slot(page, 0);
    if (*slot != 0) release_page(*slot);
    *slot = page;
    return {};
}

void PageTree::share(const PageTree& other) {
    ASSERT(root_ == 0);
    root_ = other.root_;
    height_ = other.height_;
    share_slot(root_, height_);
}

void PageTree::share_slot(uint64_t slot, unsigned height) {
    if (slot == 0) return;
    if (height > 0)
        ++Node::of(slot)->references;
    else if (is_swapped(slot)) [[unlikely]]
        SwapSpace::current->share(swap_number(slot));
    else
        ++frames.frame({slot}).references;
}

__attribute__((noinline, cold)) void PageTree::release_swapped(uint64_t slot) {
    SwapSpace::current->release(swap_number(slot));
}

void PageTree::free_node(Node& node) {
    Account& payer = *node.payer;
    payer.add_reference();
    heap.destroy(&node, payer);
    payer.drop_reference();
}

/// Drops the reference in `slot` and empties it, or leaves what there were no steps for; true when it is empty.
bool PageTree::release_some(uint64_t& slot, unsigned height, Steps& steps) {
    if (height == 0) {
        release_page(std::exchange(slot, 0));
        steps.take(2);
        return true;
    }
    Node* node = Node::of(slot);
    ASSERT(node->references > 0);
    if (node->references == 1) {
        for (uint64_t* four = node->slot; four < node->slot + kSlots; four += 4) {
            if ((four[0] | four[1] | four[2] | four[3]) == 0) continue;
            for (uint64_t* child = four; child < four + 4; ++child) {
                if (*child == 0) continue;
                if (steps.spent() || !release_some(*child, height - 1, steps)) return false;
            }
        }
        steps.take(4);
        free_node(*node);
    } else {
        --node->references;
    }
    slot = 0;
    return true;
}

void PageTree::release(uint64_t slot, unsigned height) {
    Steps steps = Steps::unlimited();
    if (slot != 0) (void)release_some(slot, height, steps);
}

Result<bool> PageTree::discard_in(uint64_t& slot, unsigned height, uint64_t base, uint64_t first, uint64_t end, Steps& steps) {
    const uint64_t slot_end = base + capacity(height);
    if (slot == 0 || slot_end <= first || base >= end) return true;
    if (steps.spent()) return false;
    if (first <= base && slot_end <= end) return release_some(slot, height, steps);
    if (Node::of(slot)->references > 1) {
        Node* copy = TRY(copy_node(*Node::of(slot)));
        release(slot, height);
        slot = reinterpret_cast<uint64_t>(copy);
    }
    const uint64_t child_pages = capacity(height - 1);
    const uint64_t from = first > base ? (first - base) / child_pages : 0;
    Node& node = *Node::of(slot);
    for (uint64_t i = from; i < kSlots && base + i * child_pages < end; ++i)
        if (node.slot[i] != 0 && !TRY(discard_in(node.slot[i], height - 1, base + i * child_pages, first, end, steps))) return false;
    return true;
}

Result<bool> PageTree::discard(uint64_t first, uint64_t end, Steps& steps) {
    const bool done = TRY(discard_in(root_, height_, 0, first, end, steps));
    if (root_ == 0) height_ = 0;
    return done;
}

void PageTree::remove(uint64_t index) {
    constexpr unsigned kHeightMax = 6;
    static_assert(capacity(kHeightMax) == kPagesMax);
    uint64_t* way[kHeightMax + 1];  // the slots from the root's on
    way[0] = &root_;
    for (unsigned height = height_; height > 0; --height) {
        uint64_t* const* last = &way[height_ - height];
        ASSERT(Node::of(**last)->references == 1);
        way[height_ - height + 1] = &Node::of(**last)->slot[slot_of(index, height)];
    }
    release_page(std::exchange(*way[height_], 0));
    for (unsigned above = height_; above > 0; --above) {
        Node& node = *Node::of(*way[above - 1]);
        for (const uint64_t slot : node.slot)
            if (slot != 0) return;
        free_node(node);
        *way[above - 1] = 0;
    }
    height_ = 0;
}

void PageTree::clear() {
    release(root_, height_);
    root_ = 0;
    height_ = 0;
}

uint64_t PageTree::count(uint64_t slot, unsigned height) {
    if (slot == 0) return 0;
    if (height == 0) return is_swapped(slot) ? 0 : 1;
    uint64_t total = 0;
    for (uint64_t child : Node::of(slot)->slot) total += count(child, height - 1);
    return total;
}

uint64_t PageTree::resident_pages() const {
    return count(root_, height_);
}

uint64_t PageTree::next_in(uint64_t slot, unsigned height, uint64_t base, uint64_t from) {
    if (slot == 0 || base + capacity(height) <= from) return kPagesMax;
    if (height == 0) return base;
    for (unsigned i = from > base ? static_cast<unsigned>((from - base) / capacity(height - 1)) : 0; i < kSlots; ++i) {
        if (Node::of(slot)->slot[i] == 0) continue;
        const uint64_t found = next_in(Node::of(slot)->slot[i], height - 1, base + i * capacity(height - 1), from);
        if (found != kPagesMax) return found;
    }
    return kPagesMax;
}

uint64_t PageTree::next_present(uint64_t index) const {
    return next_in(root_, height_, 0, index);
}

uint64_t PageTree::swapped_pages(uint64_t first, uint64_t end, Steps& steps) {
    uint64_t total = 0;
    for (uint64_t at = next_present(first); at < end && !steps.spent(); steps.take(4)) {
        const Run places = run(at, end - at);
        for (uint64_t i = 0; i < places.count; ++i) total += is_swapped(places.slots[i]);
        at = next_present(at + places.count);
    }
    return total;
}

}  // namespace portico::kernel
