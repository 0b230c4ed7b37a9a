#pragma once

#include <memory>
#include <vector>

#include "protocols/terminal.h"
#include "servers/file/node.h"

namespace portico::file_server {

/// Who knows the pseudo-terminals: the terminal server, or a test's.
class PseudoTerminals {
public:
    virtual ~PseudoTerminals() = default;
    virtual Result<std::vector<uint32_t>> numbers() = 0;       ///< rising
    virtual Result<Attributes> describe(uint32_t number) = 0;  ///< NotFound if there is none
    virtual Result<> change(const protocols::terminal::ChangePseudo& change) = 0;
};

/// Asks the terminal server, with a deadline. Ownership: borrows the handle.
class RunningPseudoTerminals final : public PseudoTerminals {
public:
    explicit RunningPseudoTerminals(abi::Handle terminal) : terminal_(terminal) {}
    Result<std::vector<uint32_t>> numbers() override;
    Result<Attributes> describe(uint32_t number) override;
    Result<> change(const protocols::terminal::ChangePseudo& change) override;

private:
    abi::Handle terminal_;
};

/// /dev/pts: a device node for each pseudo-terminal there is, and ptmx. Nodes are made at each lookup and keep nothing but their number.
class PtsFileSystem final : public FileSystem {
public:
    static constexpr uint64_t kMultiplexer = protocols::terminal::special_device(5, 2);  ///< /dev/ptmx

    explicit PtsFileSystem(PseudoTerminals& terminals);

    NodeRef root() override { return root_; }
    std::string_view type() const override { return "devpts"; }
    PseudoTerminals& terminals() const { return terminals_; }

private:
    PseudoTerminals& terminals_;
    NodeRef root_;
};

}  // namespace portico::file_server
