#!/usr/bin/env bash
# Builds the native test of the kernels (test/native/kernels) with the compiler $CXX into the folder $1, optimised like the addon:
# what a compiler makes of a kernel is tested too.
set -euo pipefail
cd "$(dirname "$0")/.."
export out="$1"
export compile="${CXX:-c++} -std=c++20 -O3 -Wall -Wextra -Wshadow -Werror -ffp-contract=off -fno-math-errno -Inative ${CXXFLAGS:-}"
mkdir -p "$out"
find native/kernels test/native/kernels -name '*.cc' |
  xargs -P "$(nproc 2>/dev/null || sysctl -n hw.ncpu)" -I{} sh -c '$compile -c {} -o "$out/$(echo {} | tr / -).o"'
# shellcheck disable=SC2086
$compile "$out"/*.o -o "$out/kernels-test"
