#include "engine/dense/channel_histogram.h"

#include <algorithm>
#include <bit>

namespace casc::dense {
namespace {

constexpr int32_t kOctave = 128;
constexpr auto kBins = static_cast<int32_t>(kChannelBins);

/** First bin of the window whose last octave holds `bin`. */
int32_t windowUpTo(int32_t bin) { return bin / kOctave * kOctave + kOctave - kBins; }

}  // namespace

ChannelHistogram::ChannelHistogram(size_t channels, size_t plane)
    : plane_(plane), counts_(channels * kChannelBins), first_(channels), seen_(channels) {}

void ChannelHistogram::count(const float* values) {
  constexpr uint32_t kInfinity = 0x7F800000;
  std::lock_guard lock(mutex_);
  for (size_t c = 0; c < first_.size(); ++c) {
    uint32_t* bins = counts_.data() + c * kChannelBins;
    const float* channel = values + c * plane_;
    for (size_t i = 0; i < plane_; ++i) {
      const auto bits = std::bit_cast<uint32_t>(channel[i]);
      if (!(channel[i] > 0) || bits >= kInfinity) continue;
      const auto bin = static_cast<int32_t>(bits >> 16);
      if (!seen_[c] || bin >= first_[c] + kBins) moveWindow(c, windowUpTo(bin));
      if (bin >= first_[c]) ++bins[bin - first_[c]];
    }
  }
}

void ChannelHistogram::moveWindow(size_t channel, int32_t first) {
  const auto begin = counts_.begin() + static_cast<ptrdiff_t>(channel * kChannelBins);
  if (seen_[channel]) {
    const int32_t shift = std::min(first - first_[channel], kBins);
    std::copy(begin + shift, begin + kBins, begin);
    std::fill(begin + kBins - shift, begin + kBins, 0);
  }
  seen_[channel] = true;
  first_[channel] = first;
}

}  // namespace casc::dense
