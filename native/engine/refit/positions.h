// Which positions of an image stand for all: every so-many-th, starting elsewhere in each image.
#pragma once

#include <cstddef>

namespace casc::refit {

class Positions {
 public:
  /** Of `plane` positions every `every`-th; `image` is the image's number in the whole data. */
  Positions(size_t plane, size_t every, size_t image)
      : every_(every < plane ? every : plane), first_(image % every_), count_(0) {
    count_ = (plane - first_ + every_ - 1) / every_;
  }

  size_t count() const { return count_; }
  size_t operator[](size_t i) const { return first_ + i * every_; }

  /** The largest count of any image. */
  static size_t most(size_t plane, size_t every) { return (plane + every - 1) / every; }

 private:
  size_t every_;
  size_t first_;
  size_t count_;
};

}  // namespace casc::refit
