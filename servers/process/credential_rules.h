#pragma once

#include "protocols/process.h"

/// Who may do what to whom: Linux's rules without capabilities, so effective uid 0 may do everything.
namespace portico::process {

using protocols::process::Credentials;

inline bool is_privileged(const Credentials& credentials) {
    return credentials.euid == 0;
}

/// May `sender` signal `target`? (kill(2); SIGCONT within one session is always allowed and not decided here.)
bool may_signal(const Credentials& sender, const Credentials& target);

/// May a process with credentials `held` give itself `wanted`? (setuid(2), setresuid(2), setfsuid(2), setgroups(2))
bool may_become(const Credentials& held, const Credentials& wanted);

}  // namespace portico::process
