#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "bench/measure.h"

namespace portico::bench {

/// The second process of a benchmark. It ends by itself when what it serves tells it to, and the destructor waits for that.
class Child {
public:
    template <class Body>
    explicit Child(Body body) {
        std::fflush(stdout);  // what is buffered must not be printed twice
        process_ = fork();
        if (process_ < 0) give_up("fork", errno);
        if (process_ == 0) {
            body();
            _exit(0);
        }
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { join(); }

    void join() {
        if (process_ == 0) return;
        int status = 0;
        while (waitpid(process_, &status, 0) < 0)
            if (errno != EINTR) give_up("waitpid", errno);
        process_ = 0;
        if (status != 0) give_up("the other process ended with wait status", status);
    }

private:
    pid_t process_ = 0;
};

}  // namespace portico::bench
