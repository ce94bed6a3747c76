// The specification of the scatter kernel.
#include "kernels/scatter/scatter.h"

namespace casc {
namespace {

// Integers wrap instead of overflowing (see the neuron kernel).
int32_t add(int32_t sum, uint32_t term) {
  return static_cast<int32_t>(static_cast<uint32_t>(sum) + term);
}

struct Plus {
  static int32_t apply(int32_t sum, int32_t w, int32_t) {
    return add(sum, static_cast<uint32_t>(w));
  }
  static float apply(float sum, float w, float) { return sum + w; }
};
struct Minus {
  static int32_t apply(int32_t sum, int32_t w, int32_t) {
    return add(sum, 0u - static_cast<uint32_t>(w));
  }
  static float apply(float sum, float w, float) { return sum - w; }
};
struct Valued {
  static int32_t apply(int32_t sum, int32_t w, int32_t value) {
    return add(sum, static_cast<uint32_t>(w) * static_cast<uint32_t>(value));
  }
  static float apply(float sum, float w, float value) { return sum + value * w; }
};

template <class Op, class W, class N>
void scatter(const ScatterJob<N>& job) {
  const W* weights = static_cast<const W*>(job.weights);
  for (size_t e = 0; e < job.count; ++e) {
    const Event event = job.events[e];
    const N value = job.values ? job.values[e] : N(1);
    const size_t group = job.channelSums ? job.channelSums[event.c] : 0;
    for (uint32_t r = job.columnBegin[event.x]; r < job.columnBegin[event.x + 1]; ++r) {
      const ColumnRun run = job.runs[r];
      for (size_t t = 0; t < job.tapCount; ++t) {
        N* sums = job.sums + job.taps[t].sums + group + run.sums;
        const W* row = weights + job.taps[t].weights + event.c * job.rowLength + run.weights;
        for (uint32_t i = 0; i < run.length; ++i)
          sums[i] = Op::apply(sums[i], static_cast<N>(row[i]), value);
      }
    }
  }
}

}  // namespace

const Scatter<int32_t> scatterInt8Scalar{scatter<Plus, int8_t, int32_t>,
                                         scatter<Minus, int8_t, int32_t>,
                                         scatter<Valued, int8_t, int32_t>};
const Scatter<int32_t> scatterInt16Scalar{scatter<Plus, int16_t, int32_t>,
                                          scatter<Minus, int16_t, int32_t>,
                                          scatter<Valued, int16_t, int32_t>};
const Scatter<float> scatterFloat32Scalar{scatter<Plus, float, float>, scatter<Minus, float, float>,
                                          scatter<Valued, float, float>};

}  // namespace casc
