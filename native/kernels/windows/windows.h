// The window kernel: dense int8 products of input windows and a weight matrix. All time steps of a
// layer are one such product, and so is the quantised ANN, whose activations are small counts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc {

/** Outputs of one block of weights, which is padded with zeros to so many. */
constexpr size_t kWindowOutputs = 16;
/** Inputs that are multiplied and added together: every piece of a window is a multiple of it. */
constexpr size_t kWindowQuad = 4;
/** Most windows of one call: enough to be worth the setting up of tiles. */
constexpr size_t kWindows = 128;
/** Largest value: two products with it must fit into 16 bits. */
constexpr int32_t kMostWindowValue = 127;

/**
 * out[step][window][m] = start[m] + Σ_k value[step][window][k] · weight[m][k], or += with `add`.
 * A window is `pieces` of `pieceBytes` contiguous values each (kernel rows; kernel taps where they
 * are dilated). Values are unsigned, at most `most` ≤ kMostWindowValue: spikes are written as s +
 * 1, and −Σ_k weight[m][k] in `start` takes the ones out again.
 *
 * Weights: [m / 16][k / 4][m % 16][k % 4], int8_t.
 */
struct WindowJob {
  const uint8_t* const* windows = nullptr;  // of the first step
  size_t windowCount = 0;                   // 1..kWindows
  const uint32_t* pieces = nullptr;         // offset of each piece from its window
  size_t pieceCount = 0;
  size_t pieceBytes = 0;  // a multiple of kWindowQuad
  int32_t most = 0;       // largest value
  size_t steps = 0;
  size_t stepBytes = 0;  // between the values of two steps
  const int8_t* weights = nullptr;
  const int32_t* start = nullptr;  // padded to blocks
  size_t outputs = 0;
  int32_t* out = nullptr;    // first output of the first window
  size_t outStride = 0;      // elements between two windows
  size_t outStepStride = 0;  // elements between two steps
  bool add = false;
};

using WindowProduct = void (*)(const WindowJob& job);

void windowProductScalar(const WindowJob& job);
void windowProductAvx2(const WindowJob& job);
void windowProductAvx512(const WindowJob& job);
void windowProductAmx(const WindowJob& job);
void windowProductNeon(const WindowJob& job);
void windowProductNeonDot(const WindowJob& job);

}  // namespace casc
