// What a block learns, in one flat array: weights, biases and logarithms of clip values, stepped by
// Adam; and the rounding of weights to a few bits.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/dense/spec.h"

namespace casc::reconstruct {

/** A run of parameters of one node that share a learning rate. */
struct Segment {
  size_t node;
  enum class Kind { Weight, Bias, Step } kind;
  size_t offset;
  size_t length;
  /** Typical size of a value; a learning rate is relative to it. */
  float scale = 1;
};

class Parameters {
 public:
  size_t append(size_t node, Segment::Kind kind, const std::vector<float>& values, float scale);

  size_t size() const { return values_.size(); }
  const float* values() const { return values_.data(); }
  const std::vector<Segment>& segments() const { return segments_; }
  std::vector<Segment>& segments() { return segments_; }

  /** One step of Adam; rates by kind, relative to each segment's scale. */
  void step(const std::vector<float>& gradient, const float (&rates)[3]);

 private:
  std::vector<float> values_, first_, second_;
  std::vector<Segment> segments_;
  size_t steps_ = 0;
};

/** Weights [outputs, inputs (of a group), taps]. */
struct WeightRows {
  size_t outputs, groups, inputs, taps;
};

/** Of one output channel's weights, each times the unit of its input channel. */
struct RowSize {
  float largest = 0;  // |w|
  float total = 0;    // Σ|w| · reach
};

/** Takes the weights of one convolution in, whose inputs' sums are at most `reach` units. */
void measureRows(const float* weight, const WeightRows& rows, const std::vector<float>& units,
                 float reach, std::vector<RowSize>& sizes);

/** δ of each output channel, and the weight (times unit) that becomes `most` times δ. */
struct Grid {
  const std::vector<float>& step;
  const std::vector<float>& largest;
  float most;
};

/**
 * To the nearest multiples of δ / unit. The largest weight becomes exactly `most`, so that whoever
 * rounds the result finds the same δ; a millionth less than that, so that his floor does too.
 */
void roundWeights(float* weight, const WeightRows& rows, const std::vector<float>& units,
                  const Grid& grid);

}  // namespace casc::reconstruct
