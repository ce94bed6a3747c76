// The roofs of plain loops, as the compiler translates them.
#include <cstddef>

#include "kernels/roof/roof.h"
#include "kernels/roof/weights.h"

namespace casc {
namespace {

constexpr size_t kLanes = 16, kQuad = 4;
constexpr size_t kRow = 144;  // sums

CASC_INLINE void addRow(int16_t* __restrict sums, const int8_t* __restrict weights) {
  for (size_t j = 0; j < kRow; ++j) sums[j] = static_cast<int16_t>(sums[j] + weights[j]);
}

uint64_t add() {
  const int8_t* const weights = unknown(kRoofWeights.bytes);
  int16_t held[kRow] = {};
  int16_t* sums = unknown(held);
  for (size_t pass = 0; pass < kRoofPasses; ++pass) {
    for (size_t row = 0; row < kRoofBytes; row += kRow) addRow(sums, weights + row);
    sums = unknown(sums);
  }
  return kRoofPasses * kRoofBytes;
}

uint64_t multiply() {
  const int8_t* const weights = unknown(kRoofWeights.bytes);
  int32_t sums[kLanes] = {};
  for (size_t pass = 0; pass < kRoofPasses; ++pass) {
    for (size_t quad = 0; quad < kRoofBytes; quad += kLanes * kQuad)
      for (size_t j = 0; j < kLanes; ++j)
        for (size_t k = 0; k < kQuad; ++k)
          sums[j] += int32_t{static_cast<uint8_t>(k + pass % 2)} * weights[quad + j * kQuad + k];
    unknown(sums);
  }
  return kRoofPasses * kRoofBytes;
}

}  // namespace

const RoofKernels roofKernelsScalar{add, multiply};

}  // namespace casc
