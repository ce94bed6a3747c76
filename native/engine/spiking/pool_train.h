// A max-pool layer over spikes in fixed point, band by band over all its steps: the counts of a few
// rows stay in the cache while time passes. For sources whose running sums fit eight bits.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/spiking/aligned.h"
#include "engine/spiking/plane.h"
#include "engine/spiking/spec.h"
#include "engine/spiking/window_synapse.h"
#include "kernels/bytes/bytes.h"

namespace casc::spiking {

/**
 * columns = maxima over the rows of output row oy's window, of which rowOf(y) gives the first
 * value; false where all of it is padding.
 */
template <class RowOf>
bool maxOverRows(const ByteKernels& bytes, const Shape& in, const Window& window, size_t oy,
                 RowOf rowOf, int8_t* columns) {
  bool empty = true;
  for (int64_t ky = 0; ky < window.kernel[0]; ++ky) {
    const int64_t y = int64_t(oy) * window.strides[0] - window.pads[0] + ky * window.dilations[0];
    if (y < 0 || y >= in.h) continue;
    const int8_t* row = rowOf(size_t(y));
    if (empty) {
      std::copy_n(row, in.row(), columns);
    } else {
      bytes.max(columns, row, in.row());
    }
    empty = false;
  }
  return !empty;
}

/** The columns of a window. */
inline PoolAxis columnsOf(const Shape& in, const Shape& out, const Window& window) {
  return {size_t(in.w),      size_t(out.w),  window.kernel[1],
          window.strides[1], window.pads[1], window.dilations[1]};
}

/** A step in which the source has events. */
struct PoolStep {
  const Plane* from = nullptr;
  Plane* out = nullptr;
};

/** One worker's scratch. */
class BandPool {
 public:
  /** Lateral-inhibition pooling (see Simulation::maxPoolPlane) of rows `band` in every step. */
  void run(const ByteKernels& bytes, const Shape& in, const Shape& out, const Window& window,
           RowRange band, const std::vector<PoolStep>& steps);

  static size_t bandRows(const Shape& in, const Shape& out, const Window& window);

  /** Bytes held; see working_memory.h. */
  double bytes() const;

 private:
  Aligned<int8_t> sums_;              // what each input has emitted so far
  Aligned<int8_t> held_;              // what each unit has emitted so far
  Aligned<int8_t> columns_, maxima_;  // over a window's rows, then over its columns too
};

}  // namespace casc::spiking
