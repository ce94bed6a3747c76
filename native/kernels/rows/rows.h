// The row kernel: sparse int8 convolution with stride 1. What the spikes of one pixel in one step
// add to the outputs around it is summed up in 16-bit registers first, a weight row per spike, and
// then added to the sums once. Pixels with equally many spikes follow each other, so that the loop
// over spikes is predicted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc {

/** Most vectors of sums that one call keeps in registers. */
constexpr size_t kRowVectors = 9;

/** A pixel with spikes. */
struct RowPixel {
  uint32_t first;   // of its codes
  uint32_t count;   // of its codes
  uint32_t target;  // where its sums are, in elements
};

/**
 * For every pixel p and vector v, with lanes j:
 *   sums[p.target + targets[v] + j] += Σ_{codes of p} weights[code][v][j]
 * A code is a weight row: the channel of a spike +1, or, `channels` further on, of a spike −1,
 * where the rows are negated. All sums must fit 16 bits.
 */
struct RowJob {
  const RowPixel* pixels = nullptr;
  size_t pixelCount = 0;
  const uint16_t* codes = nullptr;
  const int8_t* weights = nullptr;    // [code][vector][lane]
  size_t vectors = 0;                 // 1..kRowVectors
  const uint32_t* targets = nullptr;  // per vector
  int16_t* sums = nullptr;
  int32_t* wideSums = nullptr;  // where `sums` is null
};

/** Sums rows; the lanes of a vector are a property of the instruction set. */
struct RowKernel {
  void (*add)(const RowJob& job);
  size_t lanes;
};

/**
 * Appends the codes of a row of w pixels with c spikes each to the `count` there are; `begin` gets
 * w + 1 positions in `codes`, which has room for kCodeSlack more than all. Other values than −1, 0,
 * 1 are not allowed.
 */
using CollectCodes = void (*)(const int8_t* row, size_t w, size_t c, uint32_t count,
                              uint16_t* codes, uint32_t* begin);
constexpr size_t kCodeSlack = 16;

extern const RowKernel rowKernelScalar;
extern const RowKernel rowKernelAvx2;
extern const RowKernel rowKernelAvx512;
extern const RowKernel rowKernelNeon;
void collectCodesScalar(const int8_t* row, size_t w, size_t c, uint32_t count, uint16_t* codes,
                        uint32_t* begin);
void collectCodesAvx2(const int8_t* row, size_t w, size_t c, uint32_t count, uint16_t* codes,
                      uint32_t* begin);
void collectCodesNeon(const int8_t* row, size_t w, size_t c, uint32_t count, uint16_t* codes,
                      uint32_t* begin);
void collectCodesAvx512(const int8_t* row, size_t w, size_t c, uint32_t count, uint16_t* codes,
                        uint32_t* begin);

}  // namespace casc
