#include "engine/refit/staircase.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace casc::refit {
namespace {

/** The search goes over clip values in equal ratios, the smallest this share of the largest value…
 */
constexpr double kSmallest = 1.0 / 64;
constexpr int kCandidates = 150;
/** …then over this many on either side of the best, between its neighbours. */
constexpr int kFiner = 6;

}  // namespace

double quantized(const Staircase& stairs, double clip, double value) {
  const double step = clip / stairs.levels;
  return step * std::clamp(std::floor(value / step + stairs.shift), 0.0, double(stairs.levels));
}

SortedPairs::SortedPairs(const std::vector<Pair>& pairs) {
  values_.reserve(pairs.size());
  wanted_.resize(pairs.size() + 1);
  for (size_t i = pairs.size(); i-- > 0;) {
    const double wanted = pairs[i].wanted;
    wanted_[i] = wanted_[i + 1] + wanted;
    energy_ += wanted * wanted;
  }
  for (const Pair& pair : pairs) values_.push_back(pair.value);
}

double SortedPairs::largest() const {
  return values_.empty() ? 0 : std::max(0.0, double(values_.back()));
}

size_t SortedPairs::below(double threshold) const {
  return size_t(std::lower_bound(values_.begin(), values_.end(), threshold,
                                 [](float value, double t) { return double(value) < t; }) -
                values_.begin());
}

double SortedPairs::error(const Staircase& stairs, double clip) const {
  const double step = clip / stairs.levels;
  double product = 0;  // Σ level · wanted
  double square = 0;   // Σ level²
  for (int level = 1; level <= stairs.levels; ++level) {
    const size_t at = below((level - stairs.shift) * step);
    if (at == values_.size()) break;
    product += wanted_[at];
    square += (2 * level - 1) * double(values_.size() - at);
  }
  return energy_ - 2 * step * product + step * step * square;
}

ClipChoice SortedPairs::judge(const Staircase& stairs, double clip) const {
  const double step = clip / stairs.levels;
  ClipChoice choice;
  choice.clip = clip;
  choice.error = error(stairs, clip);
  choice.energy = energy_;
  choice.zero = below((1 - stairs.shift) * step);
  choice.top = values_.size() - below((stairs.levels - stairs.shift) * step);
  return choice;
}

ClipChoice SortedPairs::choose(const Staircase& stairs) const {
  const double most = largest();
  if (!(most > 0) || !(energy_ > 0)) {
    ClipChoice none;
    none.error = none.energy = energy_;
    none.zero = values_.size();
    return none;
  }
  double best = 0;
  double least = std::numeric_limits<double>::infinity();
  auto look = [&](double clip) {
    const double e = error(stairs, clip);
    if (e < least) {
      least = e;
      best = clip;
    }
  };
  const double ratio = std::pow(kSmallest, 1.0 / kCandidates);
  double clip = most;
  for (int i = 0; i <= kCandidates; ++i, clip *= ratio) look(clip);
  const double middle = best;
  for (int i = -kFiner; i <= kFiner; ++i) look(middle * std::pow(ratio, double(i) / (kFiner + 1)));
  return judge(stairs, best);
}

}  // namespace casc::refit
