#pragma once

#include <vector>

#include "bench/service.h"

/// The three ways to allocate ports for `kObjects` objects of a server, which several threads of its client use at once.
namespace portico::bench {

enum class Placement {
    OnePort,    ///< an object is a badge
    PerThread,  ///< each thread of the client has a port, on which an object is a badge
    PerObject,
};
enum class Style { Call, Send };

inline constexpr unsigned kObjects = 16;

struct Layout {
    Placement placement;
    unsigned senders;           ///< threads of the client
    unsigned servers_per_port;  ///< threads of the server that wait at each port
};

/// The server process with all its ports and threads, and the client's handles.
class PlacedServer {
public:
    explicit PlacedServer(const Layout& layout);
    /// Tells every server thread to end.
    ~PlacedServer();

    /// What `sender` sends to in order to reach `object`.
    abi::Handle handle_for(unsigned sender, unsigned object) const;
    size_t port_count() const { return ports_.size(); }

private:
    static std::vector<abi::Handle> make_ports(size_t count);
    size_t port_of(unsigned sender, unsigned object) const;
    void make_handles();

    Layout layout_;
    std::vector<abi::Handle> ports_;
    Child server_;
    std::vector<std::vector<abi::Handle>> handles_;  ///< by sender and object
};

}  // namespace portico::bench
