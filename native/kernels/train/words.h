// Adding up what 64 neurons did in each step of a call, shared by the kernels that find spikes in
// parts of a word.
#pragma once

#include "kernels/target.h"
#include "kernels/train/train.h"

namespace casc {

struct TrainWords {
  uint64_t plus[kTrainSteps];
  uint64_t minus[kTrainSteps];
};

/** Part of its caller, so that it counts bits with the instruction that the caller may use. */
CASC_INLINE void tallyWords(const TrainJob& job, uint64_t word, const TrainWords& words) {
  TrainTally* const tallies = job.tallies;
  const TrainStep* const steps = job.steps;
  for (size_t t = 0; t < job.stepCount; ++t) {
    const uint64_t plus = words.plus[t], minus = words.minus[t];
    if ((plus | minus) == 0) continue;
    tallies[t].positive += static_cast<uint64_t>(__builtin_popcountll(plus));
    tallies[t].negative += static_cast<uint64_t>(__builtin_popcountll(minus));
    tallies[t].hash += spikeWordHash(steps[t].key, word, plus, minus);
  }
}

}  // namespace casc
