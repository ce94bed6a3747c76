// The AVX-512 intrinsics, and lane masks for what is left of a row.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
// GCC 12 warns of its own header, which passes an undefined register where every lane is replaced.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop

#include <cstddef>

namespace casc::avx512 {

/** The first `count` of sixteen lanes; all of them if there are more. */
__attribute__((target("avx512f"))) inline __mmask16 lanesBelow(size_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : (1u << count) - 1);
}

}  // namespace casc::avx512
#endif
