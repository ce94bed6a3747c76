#include "kernels/bytes/loops.h"

namespace casc {
namespace {

void add(int8_t* sums, const int8_t* values, size_t length) {
 loops::add(sums, values, length);
}
void shift(uint8_t* out, const int8_t* values, int32_t offset, size_t length) {
 loops::shift(out, values, offset, length);
}
uint32_t nonZeros(const int8_t* values, size_t length) {
 return loops::nonZeros(values, length);
}
void addTimes(int32_t* sums, int32_t factor, const int32_t* values, size_t length) {
 loops::addTimes(sums, factor, values, length);
}

}  // namespace

const ByteKernels byteKernelsScalar{add, shift, nonZeros, addTimes};

}  // namespace casc
