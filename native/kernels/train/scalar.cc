// The specification of a row's spike train: neuron by neuron, step by step.
#include <algorithm>

#include "kernels/train/words.h"

namespace casc {
namespace {

int32_t wrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

int32_t wrappingMultiply(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b));
}

}  // namespace

bool trainScalar(const TrainJob& job) {
  bool pending = false;
  for (size_t begin = 0; begin < job.length; begin += 64) {
    TrainWords words{};
    for (size_t i = begin; i < std::min(begin + 64, job.length); ++i) {
      const int32_t theta = job.threshold[i];
      int32_t v = job.membrane[i];
      int8_t n = job.count[i];
      for (size_t t = 0; t < job.stepCount; ++t) {
        const TrainStep& step = job.steps[t];
        if (step.current) v = wrappingAdd(v, step.current[i]);
        if (step.narrow) v = wrappingAdd(v, step.narrow[i]);
        if (step.shortcut) v = wrappingAdd(v, wrappingMultiply(job.factors[i], step.shortcut[i]));
        if (step.awake) v = wrappingAdd(v, job.constant[i]);
        const bool fires = v >= theta && n < step.limit;
        const bool takesBack = v < 0 && n > 0 && job.negative;
        if (fires) v = wrappingAdd(v, -theta);
        if (takesBack) v = wrappingAdd(v, theta);
        const int8_t s = static_cast<int8_t>(fires - takesBack);
        n = static_cast<int8_t>(n + s);
        step.spikes[i] = s;
        words.plus[t] |= uint64_t{fires} << (i - begin);
        words.minus[t] |= uint64_t{takesBack} << (i - begin);
      }
      job.membrane[i] = v;
      job.count[i] = n;
      const int8_t limit = job.stepCount ? job.steps[job.stepCount - 1].limit : int8_t{0};
      pending = pending || (v >= theta && n < limit) || (v < 0 && n > 0 && job.negative);
    }
    tallyWords(job, job.word + begin / 64, words);
  }
  return pending;
}

}  // namespace casc
