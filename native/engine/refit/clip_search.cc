#include "engine/refit/clip_search.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "engine/dense/check.h"
#include "engine/error.h"

namespace casc::refit {
namespace {

/** No clip value is a smaller share of the largest: such a channel hardly matters, and its weights
 * need bits too. */
constexpr double kSmallestShare = 1.0 / 64;

constexpr double kStretches[] = {1, 1.1, 1.2, 1.35, 1.5, 1.75, 2};

std::vector<Pair> merged(const std::vector<Pair>& a, const std::vector<Pair>& b) {
  std::vector<Pair> both;
  both.reserve(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both), inOrder);
  return both;
}

}  // namespace

ClipSearch::ClipSearch(std::shared_ptr<const dense::Plan> plan, const ClipSpec& spec)
    : plan_(std::move(plan)),
      spec_(spec),
      shape_(plan_->shape(spec.value)),
      needed_(plan_->needed({spec.value, spec.wanted})) {
  dense::require(plan_->shape(spec.wanted) == shape_,
                 "the wanted values have not the shape of the values");
  for (Half& half : halves_) half.pairs.resize(channels());
}

void ClipSearch::add(const Batch& batch, Team& team, const AbortFlag& abort) {
  dense::require(!sorted_, "no images can be added after a search");
  workspaces_.resize(std::max<size_t>(workspaces_.size(), team.size()));
  const size_t plane = shape_.plane();
  std::vector<size_t> starts;
  for (size_t i = 0; i < batch.images; ++i) {
    std::vector<size_t>& ends = halves_[(batch.first + i) % 2].starts;
    starts.push_back(ends.back());
    ends.push_back(starts[i] + Positions(plane, spec_.every, batch.first + i).count());
  }
  for (Half& half : halves_) {
    for (auto& channel : half.pairs) channel.resize(half.starts.back());
  }
  team.share(batch.images, [&](unsigned worker, size_t image) {
    if (!workspaces_[worker]) workspaces_[worker] = std::make_unique<dense::Workspace>(*plan_);
    const Positions positions(plane, spec_.every, batch.first + image);
    Channels& pairs = halves_[(batch.first + image) % 2].pairs;
    auto gather = [&](const float* value, float Pair::*part) {
      for (auto& channel : pairs) {
        for (size_t i = 0; i < positions.count(); ++i)
          channel[starts[image] + i].*part = value[positions[i]];
        value += plane;
      }
    };
    plan_->run(inputsOf(batch, image, *plan_), needed_, *workspaces_[worker], abort,
               [&](size_t node, const float* value) {
                 if (node == spec_.value) gather(value, &Pair::value);
                 if (node == spec_.wanted) gather(value, &Pair::wanted);
               });
  });
}

void ClipSearch::sort(Team& team) {
  if (sorted_) return;
  auto finite = [](const Pair& p) { return std::isfinite(p.value) && std::isfinite(p.wanted); };
  for (const Half& half : halves_) {
    for (const auto& channel : half.pairs) {
      if (!std::all_of(channel.begin(), channel.end(), finite))
        throw Error("ERR_CASC_CALIBRATION", "became NaN or infinite on the calibration data");
    }
  }
  sorted_ = true;
  for (Half& half : halves_) {
    if (spec_.pooled)
      half.sorted = half.pairs;
    else
      half.sorted = std::move(half.pairs);
    team.share(channels(), [&](unsigned, size_t c) {
      std::sort(half.sorted[c].begin(), half.sorted[c].end(), inOrder);
    });
  }
}

/** Clip values with the least error on a sample; none where no channel says anything. */
std::vector<double> ClipSearch::leastError(const Channels& sorted, const Staircase& stairs,
                                           bool shared, double most, Team& team) const {
  std::vector<double> clips(channels());
  double layer = 0;
  if (shared) {
    std::vector<Pair> all;
    for (const auto& channel : sorted) all.insert(all.end(), channel.begin(), channel.end());
    std::sort(all.begin(), all.end(), inOrder);
    layer = std::min(most, SortedPairs(all).choose(stairs).clip);
  } else {
    team.share(channels(), [&](unsigned, size_t c) {
      clips[c] = std::min(most, SortedPairs(sorted[c]).choose(stairs).clip);
    });
    layer = *std::max_element(clips.begin(), clips.end());
  }
  if (!(layer > 0)) return {};
  for (double& clip : clips) clip = clip > 0 ? std::max(clip, layer * kSmallestShare) : layer;
  return clips;
}

double ClipSearch::heldOutError(const Half& half, const SortedPairs& sorted, size_t channel,
                                const Staircase& stairs, double clip) const {
  if (!spec_.pooled) return sorted.error(stairs, clip);
  double total = 0;
  for (size_t image = 0; image + 1 < half.starts.size(); ++image) {
    double sum = 0;
    for (size_t i = half.starts[image]; i < half.starts[image + 1]; ++i) {
      const Pair& pair = half.pairs[channel][i];
      sum += quantized(stairs, clip, pair.value) - pair.wanted;
    }
    total += sum * sum;
  }
  return total;
}

double ClipSearch::stretch(const Staircase& stairs, bool shared, double most, Team& team) const {
  constexpr size_t kCount = std::size(kStretches);
  std::array<double, kCount> errors{};
  for (const size_t seen : {0, 1}) {
    const std::vector<double> clips = leastError(halves_[seen].sorted, stairs, shared, most, team);
    if (clips.empty()) return 1;
    const Half& other = halves_[1 - seen];
    std::vector<double> parts(channels() * kCount);
    team.share(channels(), [&](unsigned, size_t c) {
      const SortedPairs sorted(other.sorted[c]);
      for (size_t s = 0; s < kCount; ++s) {
        const double clip = std::min(most, kStretches[s] * clips[c]);
        parts[c * kCount + s] = heldOutError(other, sorted, c, stairs, clip);
      }
    });
    for (size_t i = 0; i < parts.size(); ++i) errors[i % kCount] += parts[i];
  }
  return kStretches[size_t(std::min_element(errors.begin(), errors.end()) - errors.begin())];
}

ClipChoices ClipSearch::search(const Staircase& stairs, bool shared, double most, Team& team) {
  sort(team);
  Channels all(channels());
  team.share(channels(), [&](unsigned, size_t c) {
    all[c] = merged(halves_[0].sorted[c], halves_[1].sorted[c]);
  });
  const std::vector<double> clips = leastError(all, stairs, shared, most, team);
  if (clips.empty())
    throw Error("ERR_CASC_CALIBRATION", "never rose above zero on the calibration data");
  ClipChoices choices;
  choices.stretch = stretch(stairs, shared, most, team);
  choices.channels.resize(channels());
  team.share(channels(), [&](unsigned, size_t c) {
    // The file holds float32.
    const auto clip = float(std::min(most, choices.stretch * clips[c]));
    choices.channels[c] = SortedPairs(all[c]).judge(stairs, clip);
  });
  return choices;
}

}  // namespace casc::refit
