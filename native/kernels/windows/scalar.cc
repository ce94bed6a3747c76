// The specification of the window product.
#include "kernels/windows/windows.h"

namespace casc {

void windowProductScalar(const WindowJob& job) {
  const size_t blockBytes = job.pieceCount * job.pieceBytes * kWindowOutputs;
  for (size_t step = 0; step < job.steps; ++step) {
    for (size_t window = 0; window < job.windowCount; ++window) {
      const uint8_t* values = job.windows[window] + step * job.stepBytes;
      int32_t* out = job.out + step * job.outStepStride + window * job.outStride;
      for (size_t m = 0; m < job.outputs; ++m) {
        const int8_t* weight =
            job.weights + m / kWindowOutputs * blockBytes + m % kWindowOutputs * kWindowQuad;
        int32_t sum = job.start[m] + (job.add ? out[m] : 0);
        for (size_t piece = 0; piece < job.pieceCount; ++piece) {
          const uint8_t* value = values + job.pieces[piece];
          for (size_t k = 0; k < job.pieceBytes; k += kWindowQuad) {
            for (size_t i = 0; i < kWindowQuad; ++i) sum += int32_t{value[k + i]} * weight[i];
            weight += kWindowOutputs * kWindowQuad;
          }
        }
        out[m] = sum;
      }
    }
  }
}

}  // namespace casc
