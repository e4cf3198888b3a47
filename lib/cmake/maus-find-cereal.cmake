# Makes the target cereal::cereal: from cereal's own package if it has one, else from its headers.
# Used by our build and, installed, by maus-config.cmake.
if(NOT TARGET cereal::cereal)
    find_package(cereal CONFIG QUIET)
endif()
if(NOT TARGET cereal::cereal)
    if(TARGET cereal)  # the name that cereal before 1.3.1 exports
        add_library(cereal::cereal INTERFACE IMPORTED)
        target_link_libraries(cereal::cereal INTERFACE cereal)
    else()
        find_path(CEREAL_INCLUDE_DIR cereal/cereal.hpp)
        if(CEREAL_INCLUDE_DIR)
            add_library(cereal::cereal INTERFACE IMPORTED)
            target_include_directories(cereal::cereal SYSTEM INTERFACE ${CEREAL_INCLUDE_DIR})
        endif()
    endif()
endif()
