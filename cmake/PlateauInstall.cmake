# What is installed beside the program and the library: pages, examples, pages of the manual, completion, plateau.py, a
# modulefile; and packages of all of it by cpack. Links between pages stay what they are in the sources.
set(packaging ${CMAKE_SOURCE_DIR}/packaging)
install(FILES README.md CHANGELOG.md CONTRIBUTING.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN build-site EXCLUDE PATTERN site EXCLUDE)
install(FILES proto/PROTOCOL.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/proto)
install(FILES include/plateau.h DESTINATION ${CMAKE_INSTALL_DOCDIR}/include) # pages link to it
install(FILES ${CMAKE_SOURCE_DIR}/python/plateau.py DESTINATION ${CMAKE_INSTALL_DATADIR}/plateau)
install(FILES ${packaging}/completion/plateau.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME plateau)
install(FILES ${packaging}/completion/_plateau DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${packaging}/modulefiles/plateau DESTINATION ${CMAKE_INSTALL_DATADIR}/modulefiles/plateau
        RENAME ${PROJECT_VERSION})
# The program writes its pages itself, when it is there.
install(CODE "set(PLATEAU $<TARGET_FILE:plateau>)\nset(MAN_DIR ${CMAKE_INSTALL_MANDIR})\n")
install(SCRIPT cmake/Man.cmake)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "plateau maintainers <maintainers@plateau.invalid>" CACHE STRING "Maintainer of packages")
set(CPACK_PACKAGE_HOMEPAGE_URL "")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION_FILE ${packaging}/debian/description)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "openmpi-bin")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion, gnuplot-nox, python3-numpy, slurm-client")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${packaging}/debian/triggers)
set(CPACK_PRE_BUILD_SCRIPTS ${packaging}/debian/finish.cmake)
include(CPack)
