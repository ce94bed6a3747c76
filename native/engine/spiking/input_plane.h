// The input image as the numbers that the engine, the oracle and the exported file start from.
#pragma once

#include "engine/spiking/plan.h"

namespace casc::spiking {

/**
 * image: C×H×W; out: H×W×C. Throws Error (ERR_CASC_DATA, naming `imageIndex`) where a value is not
 * a number, or infinite without a grid to clip it.
 */
template <class N>
void loadInput(const Layer<N>& input, const float* image, size_t imageIndex, N* out);

extern template void loadInput(const Layer<int32_t>&, const float*, size_t, int32_t*);
extern template void loadInput(const Layer<float>&, const float*, size_t, float*);

}  // namespace casc::spiking
