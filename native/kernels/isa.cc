#include "kernels/isa.h"

#include <cstdlib>

#include "engine/error.h"
#include "kernels/target.h"

#if CASC_HAS_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if CASC_HAS_NEON && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace casc {
namespace {

#if CASC_HAS_AMX
/** Has the CPU tiles of int8, does the system save them, and may this process use them? */
bool amxGranted() {
  unsigned eax, ebx, ecx, edx;
  constexpr unsigned kOsSavesStates = 1u << 27;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & kOsSavesStates)) return false;
  constexpr unsigned kTile = 1u << 24, kInt8 = 1u << 25;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
  if ((edx & (kTile | kInt8)) != (kTile | kInt8)) return false;
  constexpr unsigned kTileConfig = 1u << 17, kTileData = 1u << 18;
  __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
  if ((eax & (kTileConfig | kTileData)) != (kTileConfig | kTileData)) return false;
  // For all threads, once and for good; asking again is harmless.
  constexpr long kRequestPermission = 0x1023, kTileDataState = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileDataState) == 0;
}
#endif

bool supported(Isa isa) {
  if (isa == Isa::Scalar) return true;
  if (isa == Isa::Neon) return CASC_HAS_NEON;
#if CASC_HAS_AVX2
  __builtin_cpu_init();
  if (isa == Isa::Avx2) return __builtin_cpu_supports("avx2") != 0;
  // "fma" and "avx2" too: kernels without an AVX-512 version are those of AVX2.
  if (isa == Isa::Avx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("fma");
  }
#if CASC_HAS_AMX
  // All but the window product is that of AVX-512.
  if (isa == Isa::Amx) return supported(Isa::Avx512) && amxGranted();
#endif
#endif
  return false;
}

std::string join(const std::vector<Isa>& isas) {
  std::string names;
  for (Isa isa : isas) names += (names.empty() ? "" : ", ") + std::string(isaName(isa));
  return names;
}

}  // namespace

const char* isaName(Isa isa) {
  switch (isa) {
    case Isa::Neon:
      return "neon";
    case Isa::Amx:
      return "amx";
    case Isa::Avx512:
      return "avx512";
    case Isa::Avx2:
      return "avx2";
    case Isa::Scalar:
      break;
  }
  return "scalar";
}

std::vector<Isa> builtIsas() {
#if CASC_HAS_AMX
  return {Isa::Scalar, Isa::Avx2, Isa::Avx512, Isa::Amx};
#elif CASC_HAS_AVX512
  return {Isa::Scalar, Isa::Avx2, Isa::Avx512};
#elif CASC_HAS_NEON
  return {Isa::Scalar, Isa::Neon};
#else
  return {Isa::Scalar};
#endif
}

std::vector<Isa> foundIsas() {
  std::vector<Isa> found;
  for (Isa isa : builtIsas())
    if (supported(isa)) found.push_back(isa);
  return found;
}

Isa parseIsa(const std::string& name) {
  for (Isa isa : foundIsas())
    if (name == isaName(isa)) return isa;
  throw Error("ERR_CASC_ISA", "the instruction set \"" + name +
                                  "\" is not available: this build and CPU have " +
                                  join(foundIsas()));
}

bool hasNeonDot() {
#if defined(__ARM_FEATURE_DOTPROD)
  return true;
#elif CASC_HAS_NEON && defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  return false;
#endif
}

Isa chooseIsa() {
  const char* name = std::getenv("CASC_ISA");
  return name && *name ? parseIsa(name) : foundIsas().back();
}

}  // namespace casc
