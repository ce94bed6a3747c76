// Places for all values of one image in one block, reused as soon as nobody reads a value any more.
#pragma once

#include <cstddef>
#include <vector>

namespace casc::dense {

struct ValueSpan {
  size_t floats;           // multiple of a cache line
  std::vector<int> reads;  // earlier values
  bool inPlace;            // may take the place of reads[0] if this is its last reader
};

struct MemoryPlan {
  std::vector<size_t> offsets;  // one per value
  size_t total = 0;
};

MemoryPlan planMemory(const std::vector<ValueSpan>& values);

}  // namespace casc::dense
