// Distribution of a value over images, channel by channel: a window of the bins of Histogram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace casc::dense {

/** Bins a channel has: the uppermost octaves of what it saw, 128 bins each. */
inline constexpr size_t kChannelBins = 1024;

/**
 * Positive values of each channel, binned by the upper 16 bits of their float32 pattern; of a
 * channel only the bins of the eight octaves up to its largest value are kept, for the smaller
 * values do not move its clip value. Which ones these are depends on all values alone, so the order
 * in which images come does not matter. Shared by all workers.
 */
class ChannelHistogram {
 public:
  ChannelHistogram(size_t channels, size_t plane);

  /** The values of one image, [channels × plane]. */
  void count(const float* values);

  /** [channels × kChannelBins]; bin i of channel c counts values whose upper bits are first()[c] +
   * i. */
  const std::vector<uint32_t>& counts() const { return counts_; }
  /** A multiple of 128 for each channel, may be negative; 0 where the channel saw nothing above
   * zero. */
  const std::vector<int32_t>& first() const { return first_; }

 private:
  void moveWindow(size_t channel, int32_t first);

  std::mutex mutex_;
  size_t plane_;
  std::vector<uint32_t> counts_;
  std::vector<int32_t> first_;
  std::vector<bool> seen_;
};

}  // namespace casc::dense
