#include "engine/dense/memory.h"

#include <algorithm>
#include <iterator>
#include <map>

namespace casc::dense {
namespace {

/** The free stretches of a block that grows at its end. */
class FreeList {
 public:
  size_t take(size_t size) {
    auto best = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      if (it->second >= size && (best == free_.end() || it->second < best->second)) best = it;
    }
    if (best == free_.end()) {
      const size_t offset = end_;
      end_ += size;
      return offset;
    }
    const auto [offset, length] = *best;
    free_.erase(best);
    if (length > size) free_[offset + size] = length - size;
    return offset;
  }

  void give(size_t offset, size_t size) {
    auto it = free_.emplace(offset, size).first;
    auto next = std::next(it);
    if (next != free_.end() && it->first + it->second == next->first) {
      it->second += next->second;
      free_.erase(next);
    }
    if (it == free_.begin()) return;
    auto before = std::prev(it);
    if (before->first + before->second != it->first) return;
    before->second += it->second;
    free_.erase(it);
  }

  size_t end() const { return end_; }

 private:
  std::map<size_t, size_t> free_;  // offset → length
  size_t end_ = 0;
};

}  // namespace

MemoryPlan planMemory(const std::vector<ValueSpan>& values) {
  std::vector<size_t> lastRead(values.size());
  for (size_t v = 0; v < values.size(); ++v) {
    lastRead[v] = v;  // a value that nobody reads dies when it is done
    for (int read : values[v].reads) lastRead[static_cast<size_t>(read)] = v;
  }
  std::vector<std::vector<size_t>> dying(values.size());
  for (size_t v = 0; v < values.size(); ++v) dying[lastRead[v]].push_back(v);

  MemoryPlan plan;
  FreeList list;
  plan.offsets.resize(values.size());
  for (size_t v = 0; v < values.size(); ++v) {
    const ValueSpan& value = values[v];
    size_t heir = values.size();  // the value whose place this one takes over
    if (value.inPlace && !value.reads.empty()) {
      const auto first = static_cast<size_t>(value.reads[0]);
      // Read a second time, as in a + b + a, it must outlive the first sum.
      const bool once = std::count(value.reads.begin(), value.reads.end(), value.reads[0]) == 1;
      if (once && lastRead[first] == v && values[first].floats == value.floats) heir = first;
    }
    const bool inherits = heir < values.size();
    plan.offsets[v] = inherits ? plan.offsets[heir] : list.take(value.floats);
    for (size_t dead : dying[v]) {
      if (dead != heir) list.give(plan.offsets[dead], values[dead].floats);
    }
  }
  plan.total = list.end();
  return plan;
}

}  // namespace casc::dense
