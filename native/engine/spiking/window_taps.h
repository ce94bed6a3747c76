// A sliding window seen from its input: which outputs does an input position reach, through which
// tap?
#pragma once

#include <cstdint>
#include <vector>

namespace casc::spiking {

struct AxisTap {
  uint32_t out;
  uint32_t tap;
};

/** Per input position of one axis, its outputs. */
struct AxisTaps {
  std::vector<uint32_t> begin;  // taps of position i: [begin[i], begin[i + 1])
  std::vector<AxisTap> taps;

  AxisTaps() = default;
  /** `order` holds every tap once: the order of one position's entries. */
  AxisTaps(int32_t in, int32_t out, int32_t stride, int32_t pad, int32_t dilation,
           const std::vector<int32_t>& order) {
    begin.reserve(size_t(in) + 1);
    begin.push_back(0);
    for (int64_t i = 0; i < in; ++i) {
      for (int32_t k : order) {
        const int64_t offset = i + pad - int64_t{k} * dilation;
        if (offset < 0 || offset % stride != 0 || offset / stride >= out) continue;
        taps.push_back({uint32_t(offset / stride), uint32_t(k)});
      }
      begin.push_back(uint32_t(taps.size()));
    }
  }

  uint32_t count(size_t i) const { return begin[i + 1] - begin[i]; }
};

}  // namespace casc::spiking
