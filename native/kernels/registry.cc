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
                              patchFloat32Scalar};
#if CASC_HAS_AVX2
  static const Kernels avx2{Isa::Avx2,
                            {neuronStepAvx2, collectSpikesAvx2},
                            {neuronStepAvx2, collectSpikesAvx2},
                            scatterInt8Avx2,
                            scatterInt16Avx2,
                            scatterFloat32Avx2,
                            patchInt8Avx2,
                            patchInt16Avx2,
                            patchFloat32Avx2};
  if (isa == Isa::Avx2) return avx2;
#endif
  static_cast<void>(isa);
  return scalar;
}

}  // namespace casc
