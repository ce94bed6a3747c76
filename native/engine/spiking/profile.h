// Where the time, spikes and additions of simulations went: per layer, awake and asleep.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "engine/spiking/path.h"

namespace casc::spiking {

struct SpikeTally {
  uint64_t positive = 0, negative = 0;  // spikes, |s| summed
  uint64_t additions = 0;               // that events caused at the layer's synapses

  void add(const SpikeTally& other) {
    positive += other.positive;
    negative += other.negative;
    additions += other.additions;
  }
};

/** One layer, awake or asleep, summed over images. */
struct PhaseProfile {
  double seconds = 0;
  SpikeTally tally;
  std::array<uint64_t, kPaths> steps{};  // by Path

  void add(const PhaseProfile& other) {
    seconds += other.seconds;
    tally.add(other.tally);
    for (size_t path = 0; path < kPaths; ++path) steps[path] += other.steps[path];
  }
};

struct LayerProfile {
  PhaseProfile wake, sleep;
};

/** How much of the time of work that takes awake and sleep steps together is the sleep steps'. */
class SleepClock {
 public:
  void start(bool on) {
    on_ = on;
    asleep_ = 0;
    if (on) last_ = Clock::now();
  }

  /** What went before was for `count` steps; asleep(k): was the k-th one? */
  template <class Asleep>
  void lap(size_t count, Asleep asleep) {
    if (!on_ || count == 0) return;
    size_t sleeping = 0;
    for (size_t k = 0; k < count; ++k) sleeping += asleep(k);
    const Clock::time_point now = Clock::now();
    asleep_ +=
        std::chrono::duration<double>(now - last_).count() * double(sleeping) / double(count);
    last_ = now;
  }

  double asleep() const { return asleep_; }  // seconds since start

 private:
  using Clock = std::chrono::steady_clock;
  bool on_ = false;
  double asleep_ = 0;
  Clock::time_point last_;
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

  /** How a step was computed; those that nobody tells of are skips. */
  void step(size_t layer, bool asleep, Path path) {
    if (on_) ++of(layer, asleep).steps[size_t(path)];
  }

  /** Of what the layer's next lap would book awake, this was asleep. */
  void asleep(size_t layer, double seconds, const SpikeTally& tally) {
    if (!on_) return;
    enter(layer);
    PhaseProfile& to = profile_[layer].sleep;
    to.seconds += seconds;
    to.tally.add(tally);
    before_.add(tally);
    started_ += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  /** Books what happened since the last lap. soFar: the layer's spikes, and the additions of all
   * layers, since the image began. */
  void lap(size_t layer, bool asleep, const SpikeTally& soFar) {
    enter(layer);
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

  void enter(size_t layer) {
    if (layer != layer_) before_.positive = before_.negative = 0;
    layer_ = layer;
  }

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
