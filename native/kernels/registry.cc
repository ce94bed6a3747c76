#include "kernels/registry.h"

#include "kernels/target.h"

namespace casc {

const Kernels& kernelsOf(Isa isa) {
  static const Kernels scalar{Isa::Scalar,
                              {neuronStepScalar, collectSpikesScalar},
                              {neuronStepScalar, collectSpikesScalar},
                              scatterInt8Scalar,
                              scatterInt16Scalar,
                              scatterFloat32Scalar,
                              patchInt8Scalar,
                              patchInt16Scalar,
                              patchFloat32Scalar,
                              trainScalar,
                              windowProductScalar,
                              addShortcutScalar,
                              rowKernelScalar,
                              rowKernelScalar,
                              collectCodesScalar,
                              byteKernelsScalar,
                              roofKernelsScalar};
#if CASC_HAS_AVX2
  static const Kernels avx2{Isa::Avx2,
                            {neuronStepAvx2, collectSpikesAvx2},
                            {neuronStepAvx2, collectSpikesAvx2},
                            scatterInt8Avx2,
                            scatterInt16Avx2,
                            scatterFloat32Avx2,
                            patchInt8Avx2,
                            patchInt16Avx2,
                            patchFloat32Avx2,
                            trainAvx2,
                            windowProductAvx2,
                            addShortcutAvx2,
                            rowKernelAvx2,
                            rowKernelAvx2,
                            collectCodesAvx2,
                            byteKernelsAvx2,
                            roofKernelsAvx2};
  if (isa == Isa::Avx2) return avx2;
#endif
#if CASC_HAS_AVX512
  static const Kernels avx512{Isa::Avx512,
                              {neuronStepAvx512, collectSpikesAvx512},
                              {neuronStepAvx512, collectSpikesAvx512},
                              scatterInt8Avx512,
                              scatterInt16Avx512,
                              scatterFloat32Avx512,
                              patchInt8Avx512,
                              patchInt16Avx512,
                              patchFloat32Avx512,
                              trainAvx512,
                              windowProductAvx512,
                              addShortcutAvx512,
                              rowKernelAvx2,
                              rowKernelAvx512,
                              collectCodesAvx512,
                              byteKernelsAvx512,
                              roofKernelsAvx512};
  if (isa == Isa::Avx512) return avx512;
#endif
#if CASC_HAS_AMX
  static const Kernels amx = [] {
    Kernels kernels = avx512;
    kernels.isa = Isa::Amx;
    kernels.windowProduct = windowProductAmx;
    return kernels;
  }();
  if (isa == Isa::Amx) return amx;
#endif
#if CASC_HAS_NEON
  // Compilers use NEON by themselves, it being part of every arm64 CPU: the loops of the scalar
  // kernels that lend themselves to it need no versions of their own.
  static const Kernels neon = [] {
    Kernels kernels = scalar;
    kernels.isa = Isa::Neon;
    kernels.int32.neuronStep = neuronStepNeon;
    kernels.float32.neuronStep = neuronStepNeon;
    kernels.train = trainNeon;
    kernels.windowProduct = windowProductNeon;
#if CASC_HAS_NEON_DOT
    if (hasNeonDot()) kernels.windowProduct = windowProductNeonDot;
#endif
    kernels.addShortcut = addShortcutNeon;
    kernels.rowsNarrow = kernels.rowsWide = rowKernelNeon;
    kernels.collectCodes = collectCodesNeon;
    return kernels;
  }();
  if (isa == Isa::Neon) return neon;
#endif
  static_cast<void>(isa);
  return scalar;
}

}  // namespace casc
