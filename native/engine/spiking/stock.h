// Things that are dear to make and are used again: taken by one worker at a time, given back when
// the last holder lets go.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace casc::spiking {

/** Must outlive what is taken from it. */
template <class T>
class Stock {
 public:
  /** One that is free, or what make() returns (a std::unique_ptr<T>). */
  template <class Make>
  std::shared_ptr<T> take(Make make) {
    std::unique_ptr<T> one;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        one = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (!one) one = make();
    return {one.release(), [this](T* back) {
              std::unique_ptr<T> owned(back);
              const std::lock_guard lock(mutex_);
              free_.push_back(std::move(owned));
            }};
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace casc::spiking
