// Where the time, spikes and additions of simulations went: per layer, awake and asleep.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace casc::spiking {

/** How a layer's synapses were computed in one step. Skip: nothing reached the layer, so at most
 * its neurons were updated. */
enum class Path : uint8_t { Skip, Sparse, Gather, Dense };
constexpr size_t kPaths = 4;

struct SpikeTally {
  uint64_t positive = 0, negative = 0;  // spikes, |s| summed
  uint64_t additions = 0;               // that events caused at the layer's synapses
};

/** One layer, awake or asleep, summed over images. */
struct PhaseProfile {
  double seconds = 0;
  SpikeTally tally;
  std::array<uint64_t, kPaths> steps{};  // by Path

  void add(const PhaseProfile& other) {
    seconds += other.seconds;
    tally.positive += other.tally.positive;
    tally.negative += other.tally.negative;
    tally.additions += other.tally.additions;
    for (size_t path = 0; path < kPaths; ++path) steps[path] += other.steps[path];
  }
};

struct LayerProfile {
  PhaseProfile wake, sleep;
};

/** Per layer of the plan. */
using Profile = std::vector<LayerProfile>;

/** Fills a profile while one worker simulates image after image. Layers run one after another; off,
 * a call costs a branch. */
class Profiler {
 public:
  bool on() const { return on_; }
  const Profile& profile() const { return profile_; }

  /** Before an image. */
  void begin(size_t layers, bool on) {
    on_ = on;
    if (!on) return;
    profile_.resize(layers);
    layer_ = layers;
    before_ = {};
    started_ = Clock::now();
  }

  /** A step whose synapses were computed; all others are skips. */
  void step(size_t layer, bool asleep, Path path) {
    if (on_) ++of(layer, asleep).steps[size_t(path)];
  }

  /** Books what happened since the last lap. soFar: the layer's spikes, and the additions of all
   * layers, since the image began. */
  void lap(size_t layer, bool asleep, const SpikeTally& soFar) {
    if (layer != layer_) before_.positive = before_.negative = 0;
    layer_ = layer;
    const Clock::time_point now = Clock::now();
    PhaseProfile& to = of(layer, asleep);
    to.seconds += std::chrono::duration<double>(now - started_).count();
    to.tally.positive += soFar.positive - before_.positive;
    to.tally.negative += soFar.negative - before_.negative;
    to.tally.additions += soFar.additions - before_.additions;
    before_ = soFar;
    started_ = now;
  }

  /** After an image that took so many steps. */
  void end(uint64_t wakeSteps, uint64_t sleepSteps) {
    if (!on_) return;
    wakeSteps_ += wakeSteps;
    sleepSteps_ += sleepSteps;
    for (LayerProfile& layer : profile_) {
      fillSkips(layer.wake, wakeSteps_);
      fillSkips(layer.sleep, sleepSteps_);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  PhaseProfile& of(size_t layer, bool asleep) {
    return asleep ? profile_[layer].sleep : profile_[layer].wake;
  }

  static void fillSkips(PhaseProfile& phase, uint64_t all) {
    auto& skips = phase.steps[size_t(Path::Skip)];
    skips = 0;
    skips = all - std::accumulate(phase.steps.begin(), phase.steps.end(), uint64_t{0});
  }

  bool on_ = false;
  Profile profile_;
  uint64_t wakeSteps_ = 0, sleepSteps_ = 0;
  size_t layer_ = 0;
  SpikeTally before_;
  Clock::time_point started_;
};

}  // namespace casc::spiking
