// Moving the words of a vector that a mask selects to its front.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace casc {

/** Per mask of eight words: the byte shuffle that moves those set to the front. */
struct Compress {
  alignas(16) std::array<std::array<uint8_t, 16>, 256> shuffle{};
  constexpr Compress() {
    for (unsigned mask = 0; mask < 256; ++mask) {
      size_t to = 0;
      for (uint8_t i = 0; i < 8; ++i) {
        if (!(mask >> i & 1)) continue;
        shuffle[mask][to++] = static_cast<uint8_t>(2 * i);
        shuffle[mask][to++] = static_cast<uint8_t>(2 * i + 1);
      }
    }
  }
};
inline constexpr Compress kCompress;

}  // namespace casc
