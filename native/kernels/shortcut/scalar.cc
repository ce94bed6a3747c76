// The specification of the shortcut.
#include "kernels/shortcut/shortcut.h"

namespace casc {

void addShortcutScalar(const int8_t* spikes, const int32_t* factors, int32_t* sums, size_t length) {
  for (size_t i = 0; i < length; ++i) {
    const auto product = static_cast<uint32_t>(factors[i]) * static_cast<uint32_t>(spikes[i]);
    sums[i] = static_cast<int32_t>(static_cast<uint32_t>(sums[i]) + product);
  }
}

}  // namespace casc
