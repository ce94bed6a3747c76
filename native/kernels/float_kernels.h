// The float32 kernels of the dense pass, one table per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/isa.h"

namespace casc {

/** Tile of the matrix product: at most kTileRows rows (output channels) by kTileColumns columns. */
inline constexpr int kTileRows = 6;
inline constexpr int kTileColumns = 16;

/** Lanes [begin, end) of a panel lie side by side in memory; lane l is at `offset + l`. */
struct PanelRun {
  int32_t offset;
  uint8_t begin;
  uint8_t end;
};

/** y = stepOut · clip(round((x + offset) / stepIn), lo, hi); round is floor, or half to even. */
struct Snap {
  float offset;
  float stepIn;
  float stepOut;
  float lo;
  float hi;
  bool even;
};

/** Where a quantised activation is neither at its lowest nor beyond its highest level. */
struct SnapRange {
  float low;
  float high;
};

/** A quantised activation's way back: its input, output, the output's gradient, and the input's
 * (added to; null: not wanted), n values each. */
struct SnapPass {
  const float* x;
  const float* y;
  const float* gradient;
  float* to;
  size_t n;
};

/**
 * output[y][x] = start + Σ_k weight[k] · source[y · rowStep + taps[k] + x]; with a startMap (not
 * null) startMap[y][x] takes the place of start. Source and startMap may be read, and output may be
 * written, up to kTileColumns floats behind their end.
 */
struct DepthwisePlane {
  const int32_t* taps;
  size_t tapCount;
  size_t rowStep;
  size_t height;
  size_t width;
};

/** c[r][t] += Σ_p a[r][p] · source[taps[t] + p] for r < rows, t < tapCount, p < length. Rows of `a`
 * are rowStep apart, those of c tapCount. Nothing else is read. */
struct Correlation {
  size_t rows;
  size_t rowStep;
  const int32_t* taps;
  size_t tapCount;
  size_t length;
};

struct FloatKernels {
  /**
   * panel[k][lane] = source[taps[k] + run.offset + lane], 0 in lanes that no run covers. May read
   * (and throw away) up to kTileColumns floats behind the last element.
   */
  void (*pack)(const float* source, const PanelRun* runs, size_t runCount, const int32_t* taps,
               size_t depth, float* panel);

  /**
   * c[r][j] = start[r] + Σ_k a[k][r] · panel[k][j] for r < rows, j < columns; with start = nullptr
   * the sum goes on from what c holds. Rows of c are `stride` apart, rows of `a` have `rows`
   * values. May read (and throw away) up to kTileRows floats behind the last value of `a`: GCC 12
   * makes vectors of the scalar kernel's reads that do.
   */
  void (*tile)(const float* a, int rows, const float* panel, size_t depth, const float* start,
               float* c, size_t stride, int columns);

  /** y[r] += Σ_k weight[r][k] · x[k]. */
  void (*dot)(const float* weight, size_t rows, size_t depth, const float* x, float* y);

  /** One channel of a depthwise convolution. */
  void (*depthwise)(const DepthwisePlane& plane, const float* source, const float* weight,
                    float start, const float* startMap, float* output);

  /** Rounds n values to a grid; x and y may be the same array. Bit-equal on all instruction sets.
   */
  void (*snap)(const float* x, float* y, size_t n, const Snap& grid);

  /**
   * to += gradient where low < x < high. Returns Σ gradient · (0 up to low, y − x inside, y from
   * high on), summed in sixteen lanes. Bit-equal on all instruction sets.
   */
  double (*snapBack)(const SnapPass& pass, const SnapRange& range);

  void (*correlate)(const Correlation& job, const float* a, const float* source, float* c);
};

/** The table for `isa`, or for the nearest simpler set that has one. */
const FloatKernels& floatKernels(Isa isa);

}  // namespace casc
