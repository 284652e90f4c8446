# What `cmake --install build --prefix /usr` places where; DESTDIR works, and a package is made of the
# same rules. Included by the root CMakeLists.txt after every target exists.
include(GNUInstallDirs)
set(_odw_private_lib ${CMAKE_INSTALL_LIBDIR}/odw)
if(NOT CMAKE_INSTALL_LIBDIR STREQUAL "lib")
  set(_odw_private_lib lib/odw)  # one place, whatever the distribution's library path is
endif()

foreach(_program odwd odwctl odw-script odw-executor)
  if(TARGET ${_program})
    install(TARGETS ${_program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

# The original's names: `odw` is odwctl, `pandacode` is odw-executor. A package must not take them where
# the original is installed, so that they can be left out.
option(ODW_INSTALL_ORIGINAL_NAMES "Install odw and pandacode beside odwctl and odw-executor" ON)
foreach(_link odw=odwctl pandacode=odw-executor)
  string(REPLACE "=" ";" _pair ${_link})
  list(GET _pair 0 _name)
  list(GET _pair 1 _program)
  if(ODW_INSTALL_ORIGINAL_NAMES AND TARGET ${_program})
    install(CODE "
      set(_folder \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
      file(MAKE_DIRECTORY \"\${_folder}\")
      file(CREATE_LINK ${_program} \"\${_folder}/${_name}\" SYMBOLIC)
      message(STATUS \"Installing: \${_folder}/${_name}\")")
  endif()
endforeach()

# V8 is not the system's: it travels with us, and only odw-script looks for it, beside itself.
if(TARGET odw-script)
  set_target_properties(odw-script PROPERTIES INSTALL_RPATH "$ORIGIN/../${_odw_private_lib}")
  get_filename_component(_odw_v8_library ${NodeV8_LIBRARY} REALPATH)
  install(FILES ${_odw_v8_library} DESTINATION ${_odw_private_lib}
          RENAME libnode.so.108 PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endif()

# Units name the programs by their full path, which is known when they are installed.
function(odw_install_unit name)
  set(_made ${PROJECT_BINARY_DIR}/systemd/${name})
  install(CODE "
    file(READ \"${PROJECT_SOURCE_DIR}/systemd/${name}\" text)
    string(REPLACE /usr/bin/odw \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/odw\" text \"\${text}\")
    file(WRITE \"${_made}\" \"\${text}\")")
  install(FILES ${_made} DESTINATION lib/systemd/system)
endfunction()
odw_install_unit(odwd.service)
odw_install_unit(odw-executor@.service)
install(FILES systemd/odw.sysusers DESTINATION lib/sysusers.d RENAME odw.conf)
install(FILES systemd/odw.tmpfiles DESTINATION lib/tmpfiles.d RENAME odw.conf)

install(FILES deploy/odwd.example.toml deploy/executor.example.toml client/types/odw.d.ts
        DESTINATION ${CMAKE_INSTALL_DATADIR}/odw)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DATADIR}/odw)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY third_party/licences DESTINATION ${CMAKE_INSTALL_DOCDIR})
