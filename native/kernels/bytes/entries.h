// The kernels of bytes.h for one instruction set. Included once by each of its files, which says
// for which functions it is: CASC_LOOPS_TARGET, before each, and CASC_LOOPS_TABLE, the table's
// name.
#include "kernels/bytes/loops.h"

namespace casc {
namespace {

CASC_LOOPS_TARGET void add(int8_t* sums, const int8_t* values, size_t length) {
  loops::add(sums, values, length);
}
CASC_LOOPS_TARGET void shift(uint8_t* out, const int8_t* values, int32_t offset, size_t length) {
  loops::shift(out, values, offset, length);
}
CASC_LOOPS_TARGET uint32_t nonZeros(const int8_t* values, size_t length) {
  return loops::nonZeros(values, length);
}
CASC_LOOPS_TARGET void max(int8_t* maxima, const int8_t* values, size_t length) {
  loops::max(maxima, values, length);
}
CASC_LOOPS_TARGET void maxPixels(int8_t* maxima, const int8_t* row, size_t c,
                                 const PoolAxis& axis) {
  loops::maxPixels(maxima, row, c, axis);
}
CASC_LOOPS_TARGET uint32_t change(int8_t* changes, int8_t* held, const int8_t* values,
                                  size_t length) {
  return loops::change(changes, held, values, length);
}
CASC_LOOPS_TARGET void range(const int32_t* values, size_t length, int32_t& low, int32_t& high) {
  loops::range(values, length, low, high);
}
CASC_LOOPS_TARGET void part(int8_t* out, const int32_t* values, int32_t from, size_t length) {
  loops::part(out, values, from, length);
}
CASC_LOOPS_TARGET void levels(int8_t* counts, const LevelsRow& row) { loops::levels(counts, row); }
CASC_LOOPS_TARGET void addTimes(int32_t* sums, int32_t factor, const int32_t* values,
                                size_t length) {
  loops::addTimes(sums, factor, values, length);
}

}  // namespace

const ByteKernels CASC_LOOPS_TABLE{add,    shift, nonZeros, max,    maxPixels,
                                   change, range, part,     levels, addTimes};

}  // namespace casc
