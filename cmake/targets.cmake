# The kinds of target. Each folder is one target and links only what it may use.

add_compile_options(-Wall -Wextra -Wshadow -Wthread-safety -Werror -Wno-missing-designated-field-initializers -Wno-invalid-offsetof
                    -fno-omit-frame-pointer -ffunction-sections -fdata-sections
                    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti> $<$<COMPILE_LANGUAGE:CXX>:-stdlib=libc++>)
add_link_options(-stdlib=libc++ -fuse-ld=lld-19)

# Parsing the standard headers takes most of a compilation, so each target has them precompiled.
set(freestanding_headers <cstdarg> <algorithm> <array> <atomic> <expected> <span> <string_view>)
set(standard_headers <cstdio> ${freestanding_headers} <coroutine> <deque> <list> <map> <memory> <string> <unordered_map> <vector>)

# Code that runs without a libc: the kernel and the runtime library. No vector registers: they belong to the program. A target with the
# property KNOWS_MEMORY_FUNCTIONS lets the compiler take memcpy, strlen … for what they are, so that it does those of constant length itself.
add_library(freestanding INTERFACE)
target_compile_options(freestanding INTERFACE
                       "$<IF:$<BOOL:$<TARGET_PROPERTY:KNOWS_MEMORY_FUNCTIONS>>,SHELL:-D__STDC_HOSTED__=0 -Wno-builtin-macro-redefined,-ffreestanding>"
                       -nostdlib -mno-sse -mno-mmx -mno-red-zone -fno-c++-static-destructors
                       -fno-threadsafe-statics -fno-asynchronous-unwind-tables)
target_compile_definitions(freestanding INTERFACE NDEBUG PORTICO_FREESTANDING=1)

# portico_server(NAME sources… LIBRARIES targets…): a user-space server, an ordinary static C++ program on the bare runtime.
function(portico_server name)
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE runtime protocols ${arg_LIBRARIES})
  target_precompile_headers(${name} PRIVATE ${standard_headers})
  target_link_options(${name} PRIVATE -static -Wl,--gc-sections -Wl,-z,noseparate-code)
endfunction()

# portico_program(NAME OUTPUT path SOURCES sources… LIBRARIES targets…): a native program for the guest, made on demand: an ordinary static
# Linux program that also makes native calls. `path` is below the current build folder.
function(portico_program name)
  cmake_parse_arguments(arg "" "OUTPUT" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${arg_SOURCES})
  cmake_path(GET arg_OUTPUT PARENT_PATH folder)
  cmake_path(GET arg_OUTPUT FILENAME file)
  set_target_properties(${name} PROPERTIES OUTPUT_NAME ${file} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/programs/${folder})
  target_link_libraries(${name} PRIVATE runtime protocols ${arg_LIBRARIES})
  target_link_options(${name} PRIVATE -static -Wl,--gc-sections)
endfunction()

# portico_test(NAME sources… LIBRARIES targets…): a GoogleTest program, built and run on the host only.
function(portico_test name)
  if(NOT PORTICO_HOSTED)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} hosted_gtest)
  target_precompile_headers(${name} PRIVATE ${standard_headers} <gtest/gtest.h>)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# portico_fuzzer(NAME sources… LIBRARIES targets…): a libFuzzer program. Without PORTICO_SANITIZE=fuzzer it only runs the inputs it is given.
function(portico_fuzzer name)
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
  target_precompile_headers(${name} PRIVATE ${standard_headers})
  # Debian's libFuzzer was built against libstdc++, which our clang depends on; the two libraries do not meet.
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE -l:libstdc++.so.6)
endfunction()

if(PORTICO_HOSTED)
  enable_testing()
  if(PORTICO_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
  elseif(PORTICO_SANITIZE STREQUAL "fuzzer")
    add_compile_options(-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
  elseif(PORTICO_SANITIZE STREQUAL "coverage")
    add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
    add_link_options(-fprofile-instr-generate)
  elseif(PORTICO_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread)
    add_link_options(-fsanitize=thread)
  endif()
  # Debian's libgtest is built against libstdc++; the sources in googletest build with our flags and libc++.
  add_library(hosted_gtest STATIC /usr/src/googletest/googletest/src/gtest-all.cc /usr/src/googletest/googletest/src/gtest_main.cc)
  target_include_directories(hosted_gtest SYSTEM PUBLIC /usr/src/googletest/googletest/include PRIVATE /usr/src/googletest/googletest)
  target_compile_options(hosted_gtest PRIVATE -w)
  find_package(Threads REQUIRED)
  target_link_libraries(hosted_gtest PUBLIC Threads::Threads)
endif()
