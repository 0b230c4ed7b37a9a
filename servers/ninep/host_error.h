#pragma once

#include "libs/result.h"

namespace portico::ninep {

/// What an errno of Linux on x86-64 means here, whatever number it is. Never an error that says something of the connection.
Error error_of(uint32_t host_errno);

}  // namespace portico::ninep
