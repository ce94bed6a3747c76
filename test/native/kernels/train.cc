#include <vector>

#include "check.h"

namespace casc::test {
namespace {

struct State {
  Buffer<int32_t> membrane;
  Buffer<int8_t> count;
  std::vector<Buffer<int8_t>> spikes;
  Buffer<TrainTally> tallies;
  bool pending = false;

  void run(Train kernel, TrainJob job, Buffer<TrainStep> steps) {
    for (size_t t = 0; t < steps.size(); ++t) steps[t].spikes = spikes[t].data();
    job.membrane = membrane.data();
    job.count = count.data();
    job.steps = steps.data();
    job.tallies = tallies.data();
    pending = kernel(job);
  }
};

}  // namespace

void train(Round& round) {
  Random& random = round.random;
  TrainJob job;
  job.length = random.size(1, 300);
  job.stepCount = random.size(0, kTrainSteps);
  job.negative = random.chance(80);
  job.word = random.next() % 1000;
  // A count is never above the awake steps before it.
  auto awake = static_cast<int32_t>(random.between(0, 127 - static_cast<int64_t>(kTrainSteps)));
  const size_t sleeps = random.size(0, job.stepCount);
  const bool mixed = random.chance(30);  // else all awake steps come first
  const bool wild = random.chance(20);   // beyond what a checked plan holds: sums wrap
  const int64_t low = wild ? kLow32 : random.chance(50) ? -4000 : -kSum;
  const int64_t high = wild ? kHigh32 : -low;
  const int64_t highest = random.chance(50) ? 4000 : wild ? kHigh32 : kSum;
  const auto threshold = integers<int32_t>(random, job.length, 1, highest);
  const auto constant = integers<int32_t>(random, job.length, low, high);
  const auto factors = integers<int32_t>(random, job.length, low, high);
  job.threshold = threshold.data();
  job.constant = constant.data();
  if (random.chance(70)) job.factors = factors.data();

  State expected{integers<int32_t>(random, job.length, low, high),
                 integers<int8_t>(random, job.length, 0, awake),
                 {},
                 Buffer<TrainTally>(job.stepCount)};
  for (TrainTally& tally : expected.tallies) tally = {random.next() % 99, 7, random.next()};
  std::vector<Buffer<int32_t>> currents;
  std::vector<Buffer<int16_t>> narrows;
  std::vector<Buffer<int8_t>> shortcuts;
  Buffer<TrainStep> steps(job.stepCount);
  const bool silent = random.chance(30);
  for (size_t t = 0; t < job.stepCount; ++t) {
    TrainStep& step = steps[t] = {};
    step.awake = mixed ? random.chance(50) : t + sleeps < job.stepCount;
    awake += step.awake;
    step.limit = static_cast<int8_t>(awake);
    step.key = random.next();
    const bool fed = step.awake || !silent;
    if (fed && random.chance(60))
      step.current = currents.emplace_back(integers<int32_t>(random, job.length, low, high)).data();
    if (fed && random.chance(40))
      step.narrow =
          narrows.emplace_back(integers<int16_t>(random, job.length, -32768, 32767)).data();
    if (fed && job.factors && random.chance(40))
      step.shortcut = shortcuts.emplace_back(spikes(random, job.length, random.chance(30))).data();
    expected.spikes.emplace_back(job.length);
  }
  State got = expected;
  expected.run(round.scalar.train, job, steps);
  got.run(round.kernels.train, job, steps);
  round.value("pending", expected.pending, got.pending);
  round.equal("membrane", expected.membrane, got.membrane);
  round.equal("count", expected.count, got.count);
  round.equal("tallies", expected.tallies, got.tallies);
  for (size_t t = 0; t < job.stepCount; ++t)
    round.equal("spikes", expected.spikes[t], got.spikes[t]);
}

}  // namespace casc::test
