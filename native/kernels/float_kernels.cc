#include "kernels/float_kernels.h"

#include "kernels/correlate/correlate.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/gemm/gemm.h"
#include "kernels/snap/snap.h"

namespace casc {
namespace {

constexpr FloatKernels kScalar{scalar::pack, scalar::tile,     scalar::dot,      scalar::depthwise,
                               scalar::snap, scalar::snapBack, scalar::correlate};
#if defined(__x86_64__) && defined(__GNUC__)
constexpr FloatKernels kAvx2{avx2::pack, avx2::tile,     avx2::dot,      avx2::depthwise,
                             avx2::snap, avx2::snapBack, avx2::correlate};
constexpr FloatKernels kAvx512{avx512::pack, avx512::tile,     avx2::dot,        avx2::depthwise,
                               avx2::snap,   avx512::snapBack, avx512::correlate};
#endif

}  // namespace

const FloatKernels& floatKernels(Isa isa) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (isa == Isa::Avx512 || isa == Isa::Amx) return kAvx512;
  // Every set above scalar includes AVX2; fused multiply-add is a feature of its own.
  if (isa != Isa::Scalar && __builtin_cpu_supports("fma")) return kAvx2;
#else
  (void)isa;
#endif
  return kScalar;
}

}  // namespace casc
