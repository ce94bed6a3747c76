// The specification of the patch kernel.
#include "kernels/patch/patch.h"

namespace casc {
namespace {

size_t padded(size_t outputs) {
  return (outputs + kPatchOutputs - 1) / kPatchOutputs * kPatchOutputs;
}

template <class W>
void product(const PatchJob<int16_t, int32_t>& job) {
  const W* weights = static_cast<const W*>(job.weights);
  const size_t width = padded(job.outputs);
  for (size_t p = 0; p < job.patchCount; ++p) {
    const int16_t* patch = job.patches + p * job.patchStride;
    for (size_t m = 0; m < job.outputs; ++m) {
      uint32_t sum = 0;  // wraps
      for (size_t k = 0; k < job.k; ++k)
        sum += static_cast<uint32_t>(patch[k] * int32_t{weights[(k / 2 * width + m) * 2 + k % 2]});
      int32_t& out = job.out[p * job.outStride + m];
      out = static_cast<int32_t>(static_cast<uint32_t>(out) + sum);
    }
  }
}

}  // namespace

void patchInt8Scalar(const PatchJob<int16_t, int32_t>& job) { product<int8_t>(job); }
void patchInt16Scalar(const PatchJob<int16_t, int32_t>& job) { product<int16_t>(job); }

void patchFloat32Scalar(const PatchJob<float, float>& job) {
  const float* weights = static_cast<const float*>(job.weights);
  const size_t width = padded(job.outputs);
  for (size_t p = 0; p < job.patchCount; ++p) {
    const float* patch = job.patches + p * job.patchStride;
    for (size_t m = 0; m < job.outputs; ++m) {
      float sum = 0;
      for (size_t k = 0; k < job.k; ++k) sum += patch[k] * weights[k * width + m];
      job.out[p * job.outStride + m] += sum;
    }
  }
}

}  // namespace casc
