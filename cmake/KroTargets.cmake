# How a folder becomes a target. One library a folder, sources listed by hand,
# tests beside them:
#
#   kro_library(graph
#     SOURCES compile.cc dag.cc
#     TESTS   compile_test.cc dag_test.cc
#     PUBLIC  kro::cel kro::schema)
#
# makes the library kro::graph and, when tests are on, the test program
# graph_test with one ctest entry per program (`ctest -R graph`).

option(KRO_TESTS "build unit tests" ON)
option(KRO_BENCH "build benchmarks" OFF)
option(KRO_FUZZ "build fuzz targets (clang only)" OFF)
set(KRO_SANITIZE "" CACHE STRING "sanitizers for every target, as -fsanitize takes them")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(kro_flags INTERFACE)
target_compile_options(kro_flags INTERFACE -Wall -Wextra -Wpedantic -Werror -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports uses and accesses in inlined library code that no path reaches.
  target_compile_options(kro_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict
    -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-dangling-pointer
    -Wno-missing-field-initializers)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(kro_flags INTERFACE -Wno-missing-field-initializers
    -Wno-missing-designated-field-initializers)
  target_link_options(kro_flags INTERFACE -fuse-ld=lld $<$<CONFIG:Release>:LINKER:--gc-sections,--icf=safe,-z,pack-relative-relocs>)
endif()
if(KRO_SANITIZE)
  add_compile_options(-fsanitize=${KRO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KRO_SANITIZE})
endif()

function(kro_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;PUBLIC;PRIVATE;TEST_PRIVATE" ${ARGN})
  add_library(kro_${name} STATIC ${ARG_SOURCES})
  add_library(kro::${name} ALIAS kro_${name})
  target_include_directories(kro_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(kro_${name} PUBLIC ${ARG_PUBLIC} PRIVATE kro_flags ${ARG_PRIVATE})
  if(KRO_TESTS AND ARG_TESTS)
    kro_test(${name}_test SOURCES ${ARG_TESTS} LIBRARIES kro::${name} ${ARG_TEST_PRIVATE})
  endif()
endfunction()

# A test program, run by ctest as one entry. KRO_SOURCE_DIR is the checkout, for test data.
function(kro_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE kro_flags ${ARG_LIBRARIES} kro::test_support GTest::gmock
    GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE KRO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# A Google Benchmark program; prints a table when run. Built when KRO_BENCH is on.
function(kro_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  if(KRO_BENCH)
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE kro_flags ${ARG_LIBRARIES} benchmark::benchmark_main)
    target_compile_definitions(${name} PRIVATE KRO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  endif()
endfunction()
