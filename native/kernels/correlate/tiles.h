// The loop over tiles of rows and taps that both vector versions share.
#pragma once

#include <algorithm>

#include "kernels/correlate/correlate.h"

namespace casc {

/** Positions that a tile takes before the next: its rows and planes stay in L1. */
inline constexpr size_t kCorrelateBlock = 1024;

/**
 * kTiles[r − 1][t − 1](a, rowStep, x, length, c, cStep) does r rows and t taps, whose planes start
 * at x[0] … x[t − 1].
 */
template <int Rows, int Taps, class Tile>
void correlateTiles(const Correlation& job, const float* a, const float* source, float* c,
                    const Tile (&tiles)[Rows][Taps]) {
  for (size_t p = 0; p < job.length; p += kCorrelateBlock) {
    const size_t length = std::min(kCorrelateBlock, job.length - p);
    for (size_t r = 0; r < job.rows; r += Rows) {
      const size_t rows = std::min<size_t>(Rows, job.rows - r);
      for (size_t t = 0; t < job.tapCount; t += Taps) {
        const size_t taps = std::min<size_t>(Taps, job.tapCount - t);
        const float* x[Taps];
        for (size_t i = 0; i < taps; ++i) x[i] = source + job.taps[t + i] + p;
        tiles[rows - 1][taps - 1](a + r * job.rowStep + p, job.rowStep, x, length,
                                  c + r * job.tapCount + t, job.tapCount);
      }
    }
  }
}

}  // namespace casc
