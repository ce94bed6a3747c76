// What an instruction set can do at best, measured: small loops that do nothing but the arithmetic
// of the synapse kernels. Kernels are judged by their share of it.
#pragma once

#include <cstdint>

namespace casc {

struct RoofKernels {
  /** Adds rows of 8-bit weights from the first-level cache to 16-bit sums; returns how many
   * additions. */
  uint64_t (*add)();
  /** Multiplies unsigned and signed bytes in registers and adds the products to 32-bit sums;
   * returns how many multiply-adds. */
  uint64_t (*multiply)();
};

extern const RoofKernels roofKernelsScalar;
extern const RoofKernels roofKernelsAvx2;
extern const RoofKernels roofKernelsAvx512;

}  // namespace casc
