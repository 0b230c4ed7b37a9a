#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "servers/file/node.h"
#include "servers/ninep/channel.h"
#include "servers/ninep/message.h"

/// For tests on the host: a 9P server with a folder in memory. Like QEMU's it goes by names: a file without one has no attributes to tell,
/// but can be read and written by who has it open.
namespace portico::ninep {

struct ModelFile {
    uint64_t number = 0;
    uint32_t mode = 0, uid = 0, gid = 0;
    uint64_t links = 1;
    std::string data;  ///< of a symbolic link: its target
    std::map<std::string, std::shared_ptr<ModelFile>> entries;
    int64_t access_ns = 0, modify_ns = 0, change_ns = 0;

    bool is_directory() const { return (mode & 0170000) == 0040000; }
};
using ModelFileRef = std::shared_ptr<ModelFile>;

class ModelServer : public Channel {
public:
    static constexpr size_t kMessageBytes = 64 << 10;

    ModelServer() : request_(kMessageBytes), answer_(kMessageBytes) { root = make(0040755); }

    std::span<std::byte> request() override { return request_; }
    std::span<std::byte> answer() override { return answer_; }

    Result<> connect() override {
        fids_.clear();
        ++connections;
        return {};
    }
    Result<size_t> exchange(size_t request_bytes) override {
        ++exchanges;
        if (exchanges == dies_at) {
            if (dies_after_work) perform(request_bytes);
            fids_.clear();
            return fail(dies_after_work || dies_unsure ? Error::PeerClosed : Error::WrongState);
        }
        return perform(request_bytes);
    }

    // What happens on the host besides.
    ModelFileRef make(uint32_t mode, std::string data = {}) {
        auto file = std::make_shared<ModelFile>();
        file->number = next_number_++;
        file->mode = mode;
        file->data = std::move(data);
        file->access_ns = file->modify_ns = file->change_ns = now();
        return file;
    }
    ModelFileRef put(const std::string& name, std::string data, ModelFileRef directory = nullptr) {
        return (directory ? directory : root)->entries[name] = make(0100644, std::move(data));
    }
    void overwrite(ModelFile& file, std::string data) {
        file.data = std::move(data);
        touch(file);
    }
    void touch(ModelFile& file) { file.modify_ns = file.change_ns = now(); }
    /// An hour ago; each look is later than the one before.
    int64_t now() { return file_server::realtime_ns() - 3'600'000'000'000 + ++ticks_ * 1000; }

    ModelFileRef root;
    uint64_t exchanges = 0, dies_at = 0, connections = 0, reads = 0, writes = 0, syncs = 0;
    bool dies_after_work = false, dies_unsure = false;
    uint32_t data_bytes_max = ~0u;  ///< more are not moved at once
    uint32_t fails_with = 0;        ///< every request
    std::string version = "9P2000.L";
    bool is_read_only = false;
    size_t fid_count() const { return fids_.size(); }

private:
    struct OpenFid {
        ModelFileRef file;
        bool open = false;
    };

    class Answer {
    public:
        explicit Answer(std::vector<std::byte>& bytes) : bytes_(bytes), done_(kHeaderBytes) {}
        template <class T>
        Answer& put(T value) {
            std::memcpy(bytes_.data() + done_, &value, sizeof value);
            done_ += sizeof value;
            return *this;
        }
        Answer& text(std::string_view text) {
            put(static_cast<uint16_t>(text.size()));
            return raw(text);
        }
        Answer& raw(std::string_view text) {
            if (!text.empty()) std::memcpy(bytes_.data() + done_, text.data(), text.size());
            done_ += text.size();
            return *this;
        }
        Answer& qid(const ModelFile& file) {
            put(static_cast<uint8_t>(file.is_directory() ? 0x80 : 0));
            put(static_cast<uint32_t>(file.modify_ns / 1000));
            return put(file.number);
        }
        size_t finish(uint8_t type, uint16_t tag) {
            const auto size = static_cast<uint32_t>(done_);
            std::memcpy(bytes_.data(), &size, 4);
            std::memcpy(bytes_.data() + 4, &type, 1);
            std::memcpy(bytes_.data() + 5, &tag, 2);
            return done_;
        }
        size_t done() const { return done_; }

    private:
        std::vector<std::byte>& bytes_;
        size_t done_;
    };

    size_t perform(size_t request_bytes) {
        MessageReader in(std::span(request_).first(request_bytes));
        EXPECT_EQ(in.get<uint32_t>(), request_bytes);
        const auto type = in.get<uint8_t>();
        const auto tag = in.get<uint16_t>();
        Answer out(answer_);
        uint32_t error = fails_with != 0 && type < 100 ? fails_with : work(static_cast<Request>(type), in, out);
        EXPECT_FALSE(in.failed()) << "request " << int{type};
        if (error == 0) return out.finish(static_cast<uint8_t>(type + 1), tag);
        Answer refused(answer_);
        refused.put(error);
        return refused.finish(kErrorAnswer, tag);
    }

    ModelFileRef file_of(uint32_t fid) {
        const auto found = fids_.find(fid);
        return found == fids_.end() ? nullptr : found->second.file;
    }

    uint32_t add(const ModelFileRef& directory, const std::string& name, const ModelFileRef& file) {
        if (is_read_only) return EROFS;
        if (!directory || !directory->is_directory()) return ENOTDIR;
        if (!directory->entries.emplace(name, file).second) return EEXIST;
        touch(*directory);
        return 0;
    }

    uint32_t work(Request type, MessageReader& in, Answer& out) {
        switch (type) {
        case Request::Version: {
            const auto bytes = in.get<uint32_t>();
            EXPECT_EQ(in.text(), "9P2000.L");
            fids_.clear();
            out.put(bytes).text(version);
            return 0;
        }
        case Request::Attach: {
            const auto fid = in.get<uint32_t>();
            (void)in.take(4);
            (void)in.text();
            (void)in.text();
            (void)in.get<uint32_t>();
            fids_[fid] = {root};
            out.qid(*root);
            return 0;
        }
        case Request::Walk:
            return walk(in, out);
        case Request::Clunk:
            return fids_.erase(in.get<uint32_t>()) != 0 ? 0 : EBADF;
        case Request::Open: {
            const auto fid = fids_.find(in.get<uint32_t>());
            const auto flags = in.get<uint32_t>();
            if (fid == fids_.end()) return EBADF;
            if (fid->second.file->links == 0) return ENOENT;
            if (is_read_only && (flags & 3) != 0) return EROFS;
            EXPECT_FALSE(fid->second.open);
            fid->second.open = true;
            out.qid(*fid->second.file).put(uint32_t{0});
            return 0;
        }
        case Request::Create: {
            const auto fid = fids_.find(in.get<uint32_t>());
            const std::string name(in.text());
            (void)in.get<uint32_t>();
            const auto mode = in.get<uint32_t>();
            (void)in.get<uint32_t>();
            if (fid == fids_.end()) return EBADF;
            const ModelFileRef file = make(0100000 | mode);
            if (const uint32_t error = add(fid->second.file, name, file); error != 0) return error;
            fid->second = {file, true};
            out.qid(*file).put(uint32_t{0});
            return 0;
        }
        case Request::Read:
        case Request::Write:
            return move(type, in, out);
        case Request::Sync:
            (void)in.take(8);
            ++syncs;
            return 0;
        case Request::GetAttributes:
            return attributes(in, out);
        case Request::SetAttributes:
            return set_attributes(in);
        default:
            return names(type, in, out);
        }
    }

    uint32_t walk(MessageReader& in, Answer& out) {
        ModelFileRef file = file_of(in.get<uint32_t>());
        const auto made = in.get<uint32_t>();
        const auto count = in.get<uint16_t>();
        if (!file) return EBADF;
        EXPECT_FALSE(fids_.contains(made));
        out.put(count);
        for (unsigned i = 0; i < count; ++i) {
            const std::string name(in.text());
            if (!file->is_directory()) return ENOTDIR;
            const auto found = file->entries.find(name);
            if (found == file->entries.end()) return ENOENT;
            file = found->second;
            out.qid(*file);
        }
        fids_[made] = {file};
        return 0;
    }

    uint32_t move(Request type, MessageReader& in, Answer& out) {
        const auto fid = fids_.find(in.get<uint32_t>());
        const auto offset = in.get<uint64_t>();
        const uint32_t count = std::min(in.get<uint32_t>(), data_bytes_max);
        const std::span<const std::byte> bytes = type == Request::Write ? in.take(count) : std::span<const std::byte>{};
        if (fid == fids_.end() || !fid->second.open) return EBADF;
        std::string& data = fid->second.file->data;
        if (type == Request::Read) {
            ++reads;
            const std::string_view part = offset < data.size() ? std::string_view(data).substr(offset, count) : std::string_view{};
            out.put(static_cast<uint32_t>(part.size())).raw(part);
            return 0;
        }
        ++writes;
        if (is_read_only) return EROFS;
        if (data.size() < offset + bytes.size()) data.resize(offset + bytes.size());
        if (!bytes.empty()) std::memcpy(data.data() + offset, bytes.data(), bytes.size());
        touch(*fid->second.file);
        out.put(static_cast<uint32_t>(bytes.size()));
        return 0;
    }

    uint32_t attributes(MessageReader& in, Answer& out) {
        const ModelFileRef file = file_of(in.get<uint32_t>());
        (void)in.get<uint64_t>();
        if (!file) return EBADF;
        if (file->links == 0) return ENOENT;
        out.put(uint64_t{0x7FF}).qid(*file).put(file->mode).put(file->uid).put(file->gid).put(file->links).put(uint64_t{0});
        out.put(static_cast<uint64_t>(file->data.size())).put(uint64_t{4096}).put(static_cast<uint64_t>(file->data.size() / 512));
        for (const int64_t ns : {file->access_ns, file->modify_ns, file->change_ns, int64_t{0}}) {
            constexpr int64_t kSecondNs = 1'000'000'000;
            const int64_t seconds = ns / kSecondNs - (ns % kSecondNs < 0 ? 1 : 0);
            out.put(static_cast<uint64_t>(seconds)).put(static_cast<uint64_t>(ns - seconds * kSecondNs));
        }
        out.put(uint64_t{0}).put(uint64_t{0});
        return 0;
    }

    uint32_t set_attributes(MessageReader& in) {
        const ModelFileRef file = file_of(in.get<uint32_t>());
        const auto valid = in.get<uint32_t>(), mode = in.get<uint32_t>(), uid = in.get<uint32_t>(), gid = in.get<uint32_t>();
        const auto size = in.get<uint64_t>();
        const Time access = in.time(), modify = in.time();
        if (!file) return EBADF;
        if (file->links == 0) return ENOENT;
        if (is_read_only) return EROFS;
        const auto ns = [](const Time& time) {
            return static_cast<int64_t>(time.seconds) * 1'000'000'000 + static_cast<int64_t>(time.nanoseconds);
        };
        if ((valid & kSetMode) != 0) file->mode = (file->mode & 0170000) | mode;
        if ((valid & kSetUid) != 0) file->uid = uid;
        if ((valid & kSetGid) != 0) file->gid = gid;
        file->change_ns = now();
        if ((valid & kSetSize) != 0) {
            file->data.resize(size);
            touch(*file);
        }
        if ((valid & kSetAccessTime) != 0) file->access_ns = (valid & kAccessTimeGiven) != 0 ? ns(access) : now();
        if ((valid & kSetModifyTime) != 0) file->modify_ns = (valid & kModifyTimeGiven) != 0 ? ns(modify) : now();
        return 0;
    }

    uint32_t names(Request type, MessageReader& in, Answer& out) {
        const ModelFileRef file = file_of(in.get<uint32_t>());
        if (!file) return EBADF;
        switch (type) {
        case Request::MakeDirectory: {
            const std::string name(in.text());
            const auto mode = in.get<uint32_t>();
            (void)in.get<uint32_t>();
            const ModelFileRef made = make(0040000 | mode);
            out.qid(*made);
            return add(file, name, made);
        }
        case Request::MakeLink: {
            const std::string name(in.text()), target(in.text());
            (void)in.get<uint32_t>();
            const ModelFileRef made = make(0120777, target);
            out.qid(*made);
            return add(file, name, made);
        }
        case Request::MakeNode: {
            const std::string name(in.text());
            const auto mode = in.get<uint32_t>();
            (void)in.take(12);
            const ModelFileRef made = make(mode);
            out.qid(*made);
            return add(file, name, made);
        }
        case Request::ReadLink:
            out.text(file->data);
            return 0;
        case Request::StatFs:
            out.put(uint32_t{0})
                .put(uint32_t{1024})
                .put(uint64_t{100})
                .put(uint64_t{50})
                .put(uint64_t{40})
                .put(uint64_t{30})
                .put(uint64_t{20});
            out.put(uint64_t{0}).put(uint32_t{255});
            return 0;
        case Request::Link: {
            const ModelFileRef linked = file_of(in.get<uint32_t>());
            const std::string name(in.text());
            if (!linked) return EBADF;
            const uint32_t error = add(file, name, linked);
            if (error == 0) ++linked->links;
            return error;
        }
        case Request::Unlink: {
            const std::string name(in.text());
            const auto flags = in.get<uint32_t>();
            const auto found = file->entries.find(name);
            if (is_read_only) return EROFS;
            if (found == file->entries.end()) return ENOENT;
            if (found->second->is_directory() != (flags == kRemoveDirectory)) return flags == kRemoveDirectory ? ENOTDIR : EISDIR;
            if (!found->second->entries.empty()) return ENOTEMPTY;
            --found->second->links;
            file->entries.erase(found);
            return 0;
        }
        case Request::Rename: {
            const std::string old_name(in.text());
            const ModelFileRef to = file_of(in.get<uint32_t>());
            const std::string new_name(in.text());
            if (!to) return EBADF;
            if (is_read_only) return EROFS;
            const auto found = file->entries.find(old_name);
            if (found == file->entries.end()) return ENOENT;
            const ModelFileRef moved = found->second;
            if (const auto there = to->entries.find(new_name); there != to->entries.end()) {
                if (!there->second->entries.empty()) return ENOTEMPTY;
                --there->second->links;
            }
            file->entries.erase(old_name);
            to->entries[new_name] = moved;
            return 0;
        }
        case Request::ReadDirectory: {
            const auto offset = in.get<uint64_t>();
            const auto bytes_max = in.get<uint32_t>();
            uint64_t place = 0;
            std::string records;
            const auto record = [&](const std::string& name, const ModelFile& entry) {
                const size_t bytes = 13 + 8 + 1 + 2 + name.size();
                if (++place <= offset || records.size() + bytes > bytes_max || records.size() > 2000) return;
                const auto append = [&](const auto& value) { records.append(reinterpret_cast<const char*>(&value), sizeof value); };
                append(uint8_t{0});
                append(uint32_t{0});
                append(entry.number);
                append(place);
                append(static_cast<uint8_t>(entry.mode >> 12));
                append(static_cast<uint16_t>(name.size()));
                records += name;
            };
            record(".", *file);
            record("..", *root);
            for (const auto& [name, entry] : file->entries) record(name, *entry);
            out.put(static_cast<uint32_t>(records.size())).raw(records);
            return 0;
        }
        default:
            return ENOSYS;
        }
    }

    std::vector<std::byte> request_, answer_;
    std::map<uint32_t, OpenFid> fids_;
    uint64_t next_number_ = 100;
    int64_t ticks_ = 0;
};

}  // namespace portico::ninep
