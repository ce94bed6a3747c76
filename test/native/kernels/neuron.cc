#include <limits>

#include "check.h"

namespace casc::test {
namespace {

Buffer<int32_t> numbers(Random& random, size_t length, int32_t theta) {
  const bool wild = random.chance(20);
  return integers<int32_t>(random, length, wild ? kLow32 : -4 * theta, wild ? kHigh32 : 4 * theta);
}

Buffer<float> numbers(Random& random, size_t length, float theta) {
  auto buffer = reals(random, length, -4 * theta, 4 * theta);
  // Exact multiples of the threshold, both zeros, and what should not be there.
  const float special[] = {0.0f,
                           -0.0f,
                           theta,
                           -theta,
                           3 * theta,
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN()};
  for (float& x : buffer)
    if (random.chance(10)) x = special[random.size(0, random.chance(20) ? 7 : 4)];
  return buffer;
}

template <class N>
void stepNeurons(Round& round) {
  Random& random = round.random;
  const size_t length = random.size(0, 150);
  NeuronRule rule;
  rule.gamma = static_cast<int32_t>(random.chance(50) ? 1 : random.between(2, 127));
  rule.negative = random.chance(60);
  rule.upper = random.chance(60);
  rule.awakeSteps = static_cast<int32_t>(random.between(0, 20));
  const N most = static_cast<N>(random.between(1, random.chance(50) ? 9 : 1 << 20));
  Buffer<N> threshold(length);
  for (N& theta : threshold) theta = static_cast<N>(random.between(1, static_cast<int64_t>(most)));
  const Buffer<N> current = numbers(random, length, most);
  Buffer<N> expectedMembrane = numbers(random, length, most);
  auto expectedCount = integers<int32_t>(random, length, -3, rule.awakeSteps + 3);
  Buffer<int8_t> expectedSpikes(length);
  auto membrane = expectedMembrane;
  auto count = expectedCount;
  auto fired = expectedSpikes;
  const N* const input = random.chance(70) ? current.data() : nullptr;
  const NeuronTally expected =
      numberKernels<N>(round.scalar)
          .neuronStep({expectedMembrane.data(), expectedCount.data(), input, threshold.data(),
                       expectedSpikes.data(), length},
                      rule);
  const NeuronTally got =
      numberKernels<N>(round.kernels)
          .neuronStep(
              {membrane.data(), count.data(), input, threshold.data(), fired.data(), length}, rule);
  round.value("positive", static_cast<double>(expected.positive),
              static_cast<double>(got.positive));
  round.value("negative", static_cast<double>(expected.negative),
              static_cast<double>(got.negative));
  round.value("pending", expected.pending, got.pending);
  round.equal("spikes", expectedSpikes, fired);
  round.equal("count", expectedCount, count);
  for (size_t i = 0; i < length; ++i) {
    // Which of two NaNs an addition passes on is nobody's business.
    if (expectedMembrane[i] != expectedMembrane[i] && membrane[i] != membrane[i])
      membrane[i] = expectedMembrane[i];
  }
  round.equal("membrane", expectedMembrane, membrane);
}

}  // namespace

void neuron(Round& round) {
  if (round.random.chance(50)) {
    stepNeurons<int32_t>(round);
  } else {
    stepNeurons<float>(round);
  }
}

}  // namespace casc::test
