#pragma once

#include <cstdint>

#include "libs/result.h"

namespace portico::terminal {

/// Whose terminal it is: the session it controls and that session's foreground process group.
///
///     free ──acquire()──▶ controlled by a session ──release()──▶ free
///
/// Callers tell their own session, group and pid, which nobody verifies here (docs/terminal.md).
/// Ownership: values only. Locks: none.
class JobControl {
public:
    struct Caller {
        int64_t group;
        int64_t session;
        int64_t pid;
    };

    int64_t session() const { return session_; }
    int64_t foreground() const { return foreground_; }

    /// A group that must not read, and with TOSTOP not write. That is so within the session only: to others the terminal is a file.
    bool is_background(uint64_t group, uint64_t session) const {
        return session_ != 0 && static_cast<int64_t>(session) == session_ && foreground_ != 0 && group != 0 &&
               static_cast<int64_t>(group) != foreground_;
    }

    /// TIOCSCTTY: AccessDenied unless the caller leads its session, and the terminal is free or `steals`.
    Result<> acquire(const Caller& caller, bool steals) {
        if (caller.session <= 0 || caller.pid != caller.session) return fail(Error::AccessDenied);
        if (session_ == caller.session) return {};
        if (session_ != 0 && !steals) return fail(Error::AccessDenied);
        session_ = caller.session;
        foreground_ = caller.group > 0 ? caller.group : caller.session;
        return {};
    }

    /// open(2) without O_NOCTTY by a session leader: takes a free terminal, and else changes nothing.
    void acquire_if_free(int64_t session, int64_t group) {
        if (session_ == 0 && session > 0 && group == session) (void)acquire({.group = group, .session = session, .pid = session}, false);
    }

    /// TIOCNOTTY: true if the terminal is free now because the leader gave it up.
    Result<bool> release(const Caller& caller) {
        if (session_ == 0 || caller.session != session_) return fail(Error::NotTerminal);
        if (caller.pid != session_) return false;
        session_ = foreground_ = 0;
        return true;
    }

    /// TIOCSPGRP.
    Result<> set_foreground(const Caller& caller, int64_t group) {
        if (session_ == 0 || caller.session != session_) return fail(Error::NotTerminal);
        if (group <= 0) return fail(Error::InvalidArgument);
        foreground_ = group;
        return {};
    }

private:
    int64_t session_ = 0;  // 0: controls none
    int64_t foreground_ = 0;
};

}  // namespace portico::terminal
