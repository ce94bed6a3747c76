// The clip value of one channel: exact squared error, over a sample, of quantised activations
// against what they stand for.
#pragma once

#include <cstddef>
#include <vector>

namespace casc::refit {

/** One position: the value before the quantised activation, and what should come out of it. */
struct Pair {
  float value;
  float wanted;
};

struct ClipChoice {
  double clip = 0;    // 0: no value of the sample is positive, so nothing can be said
  double error = 0;   // Σ (q(value) − wanted)² at this clip value
  double energy = 0;  // Σ wanted²
  size_t zero = 0;    // values on level 0
  size_t top = 0;     // values on the highest level
};

struct Staircase {
  int levels;
  double shift;
};

/** The level's value that becomes of a value. */
double quantized(const Staircase& stairs, double clip, double value);

/** By value, ties by what is wanted: sums do not depend on the order in which pairs came. */
inline bool inOrder(const Pair& a, const Pair& b) {
  return a.value != b.value ? a.value < b.value : a.wanted < b.wanted;
}

/** A channel's sample, sorted by value. */
class SortedPairs {
 public:
  /** In the order of inOrder. */
  explicit SortedPairs(const std::vector<Pair>& pairs);

  size_t size() const { return values_.size(); }
  /** The largest value; 0 where none is positive. */
  double largest() const;
  double energy() const { return energy_; }

  /** Σ (q(value) − wanted)² for this clip value. */
  double error(const Staircase& stairs, double clip) const;
  /** The best clip value, and what it does. */
  ClipChoice choose(const Staircase& stairs) const;
  /** What a given clip value does. */
  ClipChoice judge(const Staircase& stairs, double clip) const;

 private:
  size_t below(double threshold) const;

  std::vector<float> values_;   // ascending
  std::vector<double> wanted_;  // of these and all larger ones, summed; one more than values
  double energy_ = 0;
};

}  // namespace casc::refit
