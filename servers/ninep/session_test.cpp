#include "servers/ninep/session.h"

#include <random>

#include "servers/ninep/model_server.h"

namespace portico::ninep {
namespace {

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(SessionTest, WalksOpensAndReads) {
    ModelServer server;
    server.put("file", "contents");
    Session session(server);
    ASSERT_TRUE(session.begin());
    Qid qid;
    {
        const Result<OwnedFid> fid = session.walk(session.root(), "file", qid);
        ASSERT_TRUE(fid);
        EXPECT_EQ(qid.path, server.root->entries["file"]->number);
        EXPECT_EQ(session.attributes(fid->get())->size_bytes, 8u);
        ASSERT_TRUE(session.open(fid->get(), 0));
        EXPECT_EQ(text_of(*session.read(fid->get(), 3, 100)), "tents");
        EXPECT_EQ(session.read(fid->get(), 8, 100)->size(), 0u);
        EXPECT_EQ(*session.write(fid->get(), 8, std::as_bytes(std::span("!", 1))), 1u);
        EXPECT_EQ(server.fid_count(), 2u);
    }
    EXPECT_EQ(server.fid_count(), 1u) << "what nobody has goes back";
    EXPECT_EQ(session.walk(session.root(), "none", qid).error_or(Error::None), Error::NotFound);
    EXPECT_TRUE(session.is_alive()) << "the host may say no";
}

TEST(SessionTest, AFidOfAnEarlierLifeIsNotSent) {
    ModelServer server;
    server.put("file", "contents");
    Session session(server);
    ASSERT_TRUE(session.begin());
    Qid qid;
    Result<OwnedFid> fid = session.walk(session.root(), "file", qid);
    ASSERT_TRUE(fid);
    server.dies_at = server.exchanges + 1;
    EXPECT_EQ(session.attributes(fid->get()).error_or(Error::None), Error::WrongState);
    EXPECT_FALSE(session.is_alive());
    ASSERT_TRUE(session.begin());
    EXPECT_FALSE(fid->is_current());
    const uint64_t before = server.exchanges;
    EXPECT_EQ(session.attributes(fid->get()).error_or(Error::None), Error::WrongState);
    fid->reset();
    EXPECT_EQ(server.exchanges, before);
}

TEST(SessionTest, ServersThatDoNotSpeakItAreRefused) {
    for (const char* version : {"9P2000", "unknown", ""}) {
        ModelServer server;
        server.version = version;
        Session session(server);
        EXPECT_EQ(session.begin().error_or(Error::None), Error::IoError) << version;
        EXPECT_FALSE(session.is_alive());
    }
}

/// An answer with any part of it changed: the session is over, or the change did not matter; nothing outside of it is touched.
class ChangingServer final : public ModelServer {
public:
    Result<size_t> exchange(size_t request_bytes) override {
        Result<size_t> size = ModelServer::exchange(request_bytes);
        if (!size || !changes) return size;
        const std::span<std::byte> bytes = answer();
        for (unsigned i = 0; i < 1 + random() % 3 && *size != 0 && *size <= bytes.size(); ++i) {
            switch (random() % 5) {
            case 0:
                bytes[random() % *size] = static_cast<std::byte>(random());
                break;
            case 1:
                bytes[random() % std::min<size_t>(*size, 24)] = static_cast<std::byte>(random() % 4 != 0 ? 0xFF : random());
                break;
            case 2:
                *size = random() % 8 == 0 ? bytes.size() + random() % 3 : random() % (*size + 1);
                break;
            case 3:
                if (*size > 11) bytes[7 + random() % 4] = static_cast<std::byte>(random());
                break;
            default: {  // the right frame around anything
                const auto told = static_cast<uint32_t>(*size);
                std::memcpy(bytes.data(), &told, 4);
                for (size_t at = 7; at < std::min<size_t>(*size, 64); ++at) bytes[at] = static_cast<std::byte>(random());
                break;
            }
            }
        }
        return size;
    }
    std::mt19937 random{17};
    bool changes = false;
};

TEST(SessionTest, AnyAnswerEnds) {
    ChangingServer server;
    server.put("file", "contents");
    server.root->entries["link"] = server.make(0120777, "file");
    Session session(server);
    for (unsigned round = 0; round < 5'000; ++round) {
        server.changes = false;
        if (!session.is_alive()) ASSERT_TRUE(session.begin());
        Qid qid;
        Result<OwnedFid> fid = session.walk(session.root(), round % 3 == 0 ? "link" : round % 3 == 1 ? "file" : "", qid);
        ASSERT_TRUE(fid);
        if (round % 3 != 0) ASSERT_TRUE(session.open(fid->get(), 0));
        server.changes = true;
        switch (round % 11) {
        case 0:
            if (const auto data = session.read(fid->get(), 0, 100)) EXPECT_LE(data->size(), 100u);
            break;
        case 1:
            if (const auto count = session.write(fid->get(), 0, std::as_bytes(std::span("abc", 3)))) EXPECT_LE(*count, 3u);
            break;
        case 2:
        case 3:
            (void)session.list(fid->get(), 0);
            break;
        case 4:
            (void)session.attributes(fid->get());
            break;
        case 5:
            (void)session.read_link(fid->get());
            break;
        case 6:
            (void)session.space(fid->get());
            break;
        case 7:
            (void)session.begin();
            break;
        case 8:
            (void)session.walk(session.root(), "file", qid);
            break;
        default:
            (void)session.make_directory(session.root(), "d" + std::to_string(round), 0755);
            break;
        }
    }
}

}  // namespace
}  // namespace portico::ninep
