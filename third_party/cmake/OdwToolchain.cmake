# Warnings, the fast linker, ccache and sanitizers: what every target is built with.
add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -fno-omit-frame-pointer)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2")
  set(CMAKE_C_FLAGS_RELEASE "-O2")
endif()

find_program(ODW_LLD ld.lld)
if(ODW_LLD)
  add_link_options(-fuse-ld=lld)
endif()

find_program(ODW_CCACHE ccache)
if(ODW_CCACHE)
  # Build folders share their objects: paths below the source tree are made relative.
  set(_launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=time_macros,include_file_mtime,include_file_ctime ${ODW_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_launcher})
endif()

if(ODW_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined -g1 -O1)
  add_link_options(-fsanitize=address,undefined)
  add_compile_definitions(ODW_SANITIZER=1)
elseif(ODW_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -g1 -O1)
  add_link_options(-fsanitize=thread)
  add_compile_definitions(ODW_SANITIZER=1)
elseif(ODW_SANITIZE)
  message(FATAL_ERROR "ODW_SANITIZE is '${ODW_SANITIZE}': use address, thread or nothing")
endif()

if(ODW_KILL_POINTS)
  add_compile_definitions(ODW_KILL_POINTS=1)
endif()
