#include "engine/spiking/input_plane.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace casc::spiking {

template <class N>
void loadInput(const Layer<N>& input, const float* image, size_t imageIndex, N* out) {
  const size_t c = size_t(input.shape.c), area = size_t(input.shape.h) * size_t(input.shape.w);
  for (size_t channel = 0; channel < c; ++channel) {
    for (size_t p = 0; p < area; ++p) {
      const double x = double{image[channel * area + p]};
      if (std::isnan(x) || (!input.grid && std::isinf(x))) {
        throw Error("ERR_CASC_DATA", "image " + std::to_string(imageIndex) +
                                         " holds a value that is not " +
                                         (std::isnan(x) ? "a number" : "finite") + " (element " +
                                         std::to_string(channel * area + p) + ")");
      }
      double value = x;
      if (const auto& grid = input.grid) {
        // nearbyint rounds half to even in the default rounding mode.
        value = grid->scale * std::clamp(std::nearbyint(x / grid->step), grid->lo, grid->hi);
      }
      out[p * c + channel] = static_cast<N>(value);
    }
  }
}

template void loadInput(const Layer<int32_t>&, const float*, size_t, int32_t*);
template void loadInput(const Layer<float>&, const float*, size_t, float*);

}  // namespace casc::spiking
