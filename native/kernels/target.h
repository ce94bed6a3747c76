// How a kernel file asks for an instruction set: per function, never by compiler flags, so that one
// binary runs everywhere and no other code is compiled for a CPU that may not be there.
#pragma once

#if defined(__GNUC__)
#define CASC_INLINE __attribute__((always_inline)) inline
#else
#define CASC_INLINE inline
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#define CASC_HAS_AVX2 1
// No "fma": a fused multiply-add would round once where the scalar code rounds twice.
#define CASC_AVX2 __attribute__((target("avx2,popcnt")))
#define CASC_HAS_AVX512 1
// 512-bit registers always come with fused multiply-add: it is -ffp-contract=off that keeps the
// compiler from using it.
#define CASC_AVX512_FEATURES "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,popcnt"
#define CASC_AVX512 __attribute__((target(CASC_AVX512_FEATURES)))
#else
#define CASC_HAS_AVX2 0
#define CASC_HAS_AVX512 0
#endif

// Only Linux lets a process ask for the tiles, and older compilers do not know them.
#if CASC_HAS_AVX512 && defined(__linux__) && (defined(__clang__) || __GNUC__ >= 11)
#define CASC_HAS_AMX 1
#define CASC_AMX __attribute__((target(CASC_AVX512_FEATURES ",amx-tile,amx-int8")))
#else
#define CASC_HAS_AMX 0
#endif

// Every arm64 CPU has NEON; dot products of bytes came later.
#if defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
#define CASC_HAS_NEON 1
#if defined(__ARM_FEATURE_DOTPROD)
#define CASC_NEON_DOT
#elif !defined(__clang__)
#define CASC_NEON_DOT __attribute__((target("arch=armv8.2-a+dotprod")))
#elif __clang_major__ >= 16  // before, intrinsics were those of the command line
#define CASC_NEON_DOT __attribute__((target("dotprod")))
#endif
#else
#define CASC_HAS_NEON 0
#endif
#ifdef CASC_NEON_DOT
#define CASC_HAS_NEON_DOT 1
#else
#define CASC_HAS_NEON_DOT 0
#endif
