#pragma once

#include <array>
#include <string>

#include "servers/file/name_hash.h"
#include "servers/file/node.h"

namespace portico::file_server {

/// Which directory an absolute path led to, links followed, for paths that were walked lately: of a path to a file all but the last name.
///
/// What it knows stays right while no directory and no link goes or moves, and nothing is mounted: then clear(). What is added changes no
/// path that led somewhere.
/// Bound: kPlaces directories, which it keeps alive until clear(); paths of at most kPathBytesMax.
class DirectoryCache {
public:
    static constexpr size_t kPlaces = 64, kPathBytesMax = 128;

    /// Null if it is not known.
    const NodeRef& find(std::string_view path, uint64_t hash) const {
        static const NodeRef none;
        const Place& place = places_[hash % kPlaces];
        return place.hash == hash && place.path == path ? place.directory : none;
    }
    void add(std::string_view path, uint64_t hash, const NodeRef& directory) {
        places_[hash % kPlaces] = {.hash = hash, .path = std::string(path), .directory = directory};
        empty_ = false;
    }
    void clear() {
        if (!empty_) places_.fill({});
        empty_ = true;
    }

private:
    struct Place {
        uint64_t hash = 0;
        std::string path;
        NodeRef directory;
    };
    std::array<Place, kPlaces> places_;
    bool empty_ = true;
};

}  // namespace portico::file_server
