#include "servers/file/name_hash.h"

#include <sys/random.h>

namespace portico::file_server {

uint64_t NameHash::start() {
    static const uint64_t chosen = [] {
        uint64_t random = 0;
        if (getrandom(&random, sizeof(random), 0) != sizeof(random)) random = kOdd;
        return random;
    }();
    return chosen;
}

}  // namespace portico::file_server
