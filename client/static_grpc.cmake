# odw_link_static_grpc(TARGET): gRPC, protobuf and abseil from their archives. Loading their fifty
# shared objects costs a short-lived client three times what its call does (README.md, "Start-up").
# Where an archive is missing the target is linked dynamically, which is slower and otherwise the same.
#
# The archives of `odw_proto*` are named by file, since their targets carry the shared libraries.
set(_archives)
set(ODW_STATIC_GRPC ON)
foreach(_name grpc++_unsecure grpc_unsecure address_sorting re2 upb cares gpr protobuf z)
  find_library(ODW_ARCHIVE_${_name} NAMES lib${_name}.a)
  mark_as_advanced(ODW_ARCHIVE_${_name})
  if(NOT ODW_ARCHIVE_${_name})
    message(STATUS "odwctl: lib${_name}.a is missing, linking gRPC dynamically")
    set(ODW_STATIC_GRPC OFF)
  endif()
  list(APPEND _archives ${ODW_ARCHIVE_${_name}})
endforeach()
if(ODW_SANITIZE)
  set(ODW_STATIC_GRPC OFF)
endif()

# Every abseil archive: the linker takes what is used.
get_filename_component(_folder "${ODW_ARCHIVE_gpr}" DIRECTORY)
file(GLOB _absl ${_folder}/libabsl_*.a)
list(FILTER _absl EXCLUDE REGEX "flags|failure_signal|scoped_set_env|leak_check")

function(odw_link_static_grpc target)
  target_link_libraries(${target} PRIVATE
    $<TARGET_FILE:odw_client> $<TARGET_FILE:odw_base> $<TARGET_FILE:odw_proto_grpc>
    $<TARGET_FILE:odw_proto> -Wl,--start-group ${_archives} ${_absl} -Wl,--end-group
    Threads::Threads)
  target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc -Wl,--gc-sections
                                        -Wl,--as-needed)
  add_dependencies(${target} odw_client odw_base odw_proto_grpc odw_proto)
endfunction()
