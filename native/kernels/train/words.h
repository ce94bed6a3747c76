// Adding up what 64 neurons did in each step of a call, shared by the kernels that find spikes in
// parts of a word, and what they do with the rest of a row.
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

/**
 * Steps of the job after which its neurons coast: they sleep without input and under one limit, so
 * that a neuron fires (or takes back) in every step until it is done, and how often is a division.
 * Few such steps are as quick one by one, and then all are driven.
 */
inline size_t drivenSteps(const TrainJob& job) {
  constexpr size_t kWorthIt = 3;
  size_t driven = job.stepCount;
  while (driven > 0) {
    const TrainStep& step = job.steps[driven - 1];
    if (step.current || step.narrow || step.shortcut || step.awake) break;
    if (step.limit != job.steps[job.stepCount - 1].limit) break;
    --driven;
  }
  return job.stepCount - driven < kWorthIt ? job.stepCount : driven;
}

/** Steps that are divided at once: quotients up to 8 take four subtractions. */
constexpr size_t kCoastSteps = 8;
/** Of thresholds, so that four times one fits 32 bits. */
constexpr int32_t kCoastThreshold = 1 << 28;

/** The neurons from `begin` on, less than a word, go the way of the specification. */
inline bool trainRest(const TrainJob& job, size_t begin) {
  if (begin == job.length) return false;
  TrainStep steps[kTrainSteps];
  TrainJob rest = job;
  for (size_t t = 0; t < job.stepCount; ++t) {
    steps[t] = job.steps[t];
    if (steps[t].current) steps[t].current += begin;
    if (steps[t].narrow) steps[t].narrow += begin;
    if (steps[t].shortcut) steps[t].shortcut += begin;
    steps[t].spikes += begin;
  }
  rest.steps = steps;
  rest.membrane += begin;
  rest.count += begin;
  rest.threshold += begin;
  rest.constant += begin;
  if (rest.factors) rest.factors += begin;
  rest.length -= begin;
  rest.word += begin / 64;
  return trainScalar(rest);
}

}  // namespace casc
