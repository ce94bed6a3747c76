#include "kernels/isa.h"

#include <cstdlib>

#include "engine/error.h"

namespace casc {
namespace {

bool supported(Isa isa) {
  if (isa == Isa::Scalar) return true;
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (isa == Isa::Avx2) return __builtin_cpu_supports("avx2") != 0;
  // "fma" and "avx2" too: kernels without an AVX-512 version are those of AVX2.
  if (isa == Isa::Avx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("fma");
  }
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
#if defined(__x86_64__) && defined(__GNUC__)
  return {Isa::Scalar, Isa::Avx2, Isa::Avx512};
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

Isa chooseIsa() {
  const char* name = std::getenv("CASC_ISA");
  return name && *name ? parseIsa(name) : foundIsas().back();
}

}  // namespace casc
