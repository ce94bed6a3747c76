// Arrays for kernels that end at a page which nobody may touch and start behind poison, so that a
// kernel which reads or writes one element too many is found out.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace casc::test {

template <class T>
class Buffer {
 public:
  /** n elements of poison, the last of which ends the page. */
  explicit Buffer(size_t n = 0) : size_(n) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    front_ = (n * sizeof(T) + kFront + page - 1) / page * page;
    mapped_ = front_ + page;
    void* memory =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED ||
        mprotect(static_cast<char*>(memory) + front_, page, PROT_NONE) != 0) {
      std::perror("no memory for a buffer");
      std::exit(2);
    }
    memory_ = static_cast<uint8_t*>(memory);
    std::memset(memory_, kPoison, front_);
  }
  Buffer(const Buffer& other) : Buffer(other.size_) {
    if (size_ > 0) std::memcpy(data(), other.data(), size_ * sizeof(T));
  }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer other) {
    swap(other);
    return *this;
  }
  ~Buffer() {
    if (memory_) munmap(memory_, mapped_);
  }

  T* data() { return reinterpret_cast<T*>(memory_ + front_ - size_ * sizeof(T)); }
  const T* data() const { return const_cast<Buffer*>(this)->data(); }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }

  /** Is the poison in front of the data untouched? */
  bool intact() const {
    const auto* first = reinterpret_cast<const uint8_t*>(data());
    for (const uint8_t* p = memory_; p < first; ++p)
      if (*p != kPoison) return false;
    return true;
  }

 private:
  static constexpr size_t kFront = 128;
  static constexpr uint8_t kPoison = 0xA5;

  void swap(Buffer& other) {
    std::swap(memory_, other.memory_);
    std::swap(front_, other.front_);
    std::swap(mapped_, other.mapped_);
    std::swap(size_, other.size_);
  }

  uint8_t* memory_ = nullptr;
  size_t front_ = 0, mapped_ = 0, size_ = 0;
};

}  // namespace casc::test
