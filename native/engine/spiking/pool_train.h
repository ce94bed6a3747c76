// A max-pool layer over spikes in fixed point, band by band over all its steps: the counts of a few
// rows stay in the cache while time passes. For sources whose running sums fit eight bits.
#pragma once

#include <vector>

#include "engine/spiking/aligned.h"
#include "engine/spiking/plane.h"
#include "engine/spiking/spec.h"
#include "engine/spiking/window_synapse.h"
#include "kernels/bytes/bytes.h"

namespace casc::spiking {

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
