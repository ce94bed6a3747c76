// What a layer gives out in one step, and the stock that such planes are taken from: after the
// first image nothing is allocated any more.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "engine/spiking/aligned.h"

namespace casc::spiking {

/** One step's values of a layer, [h][w][c]: int8 spikes, or graded values. */
struct Plane {
  std::vector<uint32_t> events;  // per row: how many values are not zero
  Aligned<std::byte> data;

  uint64_t total() const { return std::accumulate(events.begin(), events.end(), uint64_t{0}); }
  size_t bytes() const {
    return sizeof(Plane) + events.capacity() * sizeof(uint32_t) + data.capacity();
  }

  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data.data());
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(data.data());
  }
};

class PlanePool {
 public:
  /** A plane of `rows` rows and at least `bytes` of data, events and data uninitialised: the
   * smallest in stock that has room, so that later layers live in what earlier ones have left. */
  std::unique_ptr<Plane> take(size_t rows, size_t bytes) {
    auto fits = std::lower_bound(shelves_.begin(), shelves_.end(), bytes, smaller);
    while (fits != shelves_.end() && fits->planes.empty()) ++fits;
    std::unique_ptr<Plane> plane;
    if (fits == shelves_.end()) {
      plane = std::make_unique<Plane>();
      plane->data.resize(bytes);
    } else {
      plane = std::move(fits->planes.back());
      fits->planes.pop_back();
    }
    plane->events.resize(rows);
    return plane;
  }

  void give(std::unique_ptr<Plane> plane) {
    if (plane) stockOf(plane->data.size()).push_back(std::move(plane));
  }

  /** Of the planes in stock. */
  size_t bytes() const {
    size_t sum = 0;
    for (const Shelf& shelf : shelves_) {
      sum += shelf.planes.capacity() * sizeof(shelf.planes[0]);
      for (const auto& plane : shelf.planes) sum += plane->bytes();
    }
    return sum;
  }

 private:
  struct Shelf {
    size_t bytes;
    std::vector<std::unique_ptr<Plane>> planes;
  };

  static bool smaller(const Shelf& shelf, size_t bytes) { return shelf.bytes < bytes; }

  std::vector<std::unique_ptr<Plane>>& stockOf(size_t bytes) {
    const auto at = std::lower_bound(shelves_.begin(), shelves_.end(), bytes, smaller);
    if (at != shelves_.end() && at->bytes == bytes) return at->planes;
    return shelves_.insert(at, Shelf{bytes, {}})->planes;
  }

  std::vector<Shelf> shelves_;  // by size; a net has few distinct ones
};

/** A layer's planes over time. A silent step stores nothing. */
struct Series {
  using Phase = std::vector<std::unique_ptr<Plane>>;  // [Moment::index]
  std::unique_ptr<Plane> constant;                    // of every awake step; then `phases` is empty
  std::vector<Phase> phases;
  /** Σ over all steps, kept where readers that wait may want it; `phases` hold the steps too. */
  std::unique_ptr<Plane> counts;

  const Plane* at(int32_t phase, int32_t index) const {
    if (size_t(phase) >= phases.size() || size_t(index) >= phases[size_t(phase)].size())
      return nullptr;
    return phases[size_t(phase)][size_t(index)].get();
  }

  /** Of steps that are not silent. */
  size_t planes() const {
    size_t sum = 0;
    for (const Phase& phase : phases)
      sum +=
          size_t(std::count_if(phase.begin(), phase.end(), [](const auto& p) { return bool(p); }));
    return sum;
  }

  size_t bytes() const {
    size_t sum = (constant ? constant->bytes() : 0) + phases.capacity() * sizeof(Phase);
    sum += counts ? counts->bytes() : 0;
    for (const auto& phase : phases) {
      sum += phase.capacity() * sizeof(phase[0]);
      for (const auto& plane : phase) sum += plane ? plane->bytes() : 0;
    }
    return sum;
  }

  void release(PlanePool& pool) {
    pool.give(std::move(constant));
    pool.give(std::move(counts));
    for (auto& phase : phases) {
      for (auto& plane : phase) pool.give(std::move(plane));
      phase.clear();
    }
  }
};

}  // namespace casc::spiking
