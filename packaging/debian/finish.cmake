# Run by cpack between installing and packing: what Debian has otherwise than others.
file(GLOB roots ${CPACK_TEMPORARY_DIRECTORY}/usr ${CPACK_TEMPORARY_DIRECTORY}/*/usr)
list(GET roots 0 usr)
set(doc ${usr}/share/doc/plateau)

# zsh looks for what packages bring here; licences are in one place.
file(MAKE_DIRECTORY ${usr}/share/zsh)
file(RENAME ${usr}/share/zsh/site-functions ${usr}/share/zsh/vendor-completions)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright DESTINATION ${doc})
file(REMOVE ${doc}/LICENSE)

# A changelog of the package, in Debian's form, with the date that reproducible builds are given.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${doc}/changelog "plateau (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n"
     "  * /usr/share/doc/plateau/CHANGELOG.md tells what is new.\n\n -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
execute_process(COMMAND gzip -9n ${doc}/changelog COMMAND_ERROR_IS_FATAL ANY)
# Whatever umask it was built under.
file(GLOB_RECURSE all LIST_DIRECTORIES true ${usr}/*)
foreach(path ${usr} ${all})
  if(IS_DIRECTORY ${path})
    file(CHMOD ${path} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endif()
endforeach()
