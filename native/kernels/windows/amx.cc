// The window product with AMX tiles: one instruction multiplies 16 rows of values with 16 outputs'
// weights, 64 deep. A row is one window in one step. Rows are gathered first, since their pieces
// are no multiple of a tile's 64 bytes; weights are tiles as they are, 16 quads of a block each.
#include "kernels/target.h"
#include "kernels/windows/windows.h"

#if CASC_HAS_AMX
#include <algorithm>
#include <atomic>

#include "kernels/avx512_lanes.h"

namespace casc {
namespace {

constexpr size_t kTileRows = 16, kTileBytes = 64;
/** Two tiles of rows by two of outputs: four products for four loads. */
constexpr size_t kGroupRows = 2 * kTileRows;
/** Tiles of depth that are gathered at a time, so that they and their weights stay in L1 and L2. */
constexpr size_t kPartTiles = 18;
/** Of a gathered row; its last 64 are room for what copying writes too much. An odd number of
 * cache lines, or the rows of a tile would share a few sets of the cache. */
constexpr size_t kRowBytes = (kPartTiles + 1) * kTileBytes;
/** A product takes its time however few its rows are: fewer than these are quicker with VNNI. */
constexpr size_t kFewRows = 4;

/** Intel 64 manual, volume 1, "TILECFG": palette 1, per tile the bytes of a row and the rows. */
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t startRow = 0;
  uint8_t reserved[14] = {};
  uint16_t rowBytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

struct Scratch {
  alignas(64) uint8_t values[kGroupRows * kRowBytes];
  alignas(64) int32_t sums[4][kTileRows * kWindowOutputs];
};

/**
 * A window's depth k in tiles. Where k is no multiple of a tile, the last one starts early, and the
 * values that it would count again are zeros: weights are never read past their end.
 */
struct Depth {
  explicit Depth(const WindowJob& job)
      : k(job.pieceCount * job.pieceBytes),
        tileBytes(std::min(k, kTileBytes)),
        tiles((k + kTileBytes - 1) / kTileBytes),
        whole(k / tileBytes * tileBytes),
        zeros(whole == k ? 0 : tiles * kTileBytes - k) {}

  size_t k, tileBytes, tiles;
  size_t whole;  // bytes of the tiles before one that starts early
  size_t zeros;  // of a tile that starts early

  size_t start(size_t tile) const { return std::min(tile * kTileBytes, k - tileBytes); }
};

/** Windows in steps, in the order [step][window]. */
struct Rows {
  const WindowJob& job;
  size_t step = 0, window = 0;

  const uint8_t* values() const { return job.windows[window] + step * job.stepBytes; }
  int32_t* out() const { return job.out + step * job.outStepStride + window * job.outStride; }
  void next() {
    if (++window < job.windowCount) return;
    window = 0;
    ++step;
  }
  void skip(size_t count) {
    for (size_t i = 0; i < count; ++i) next();
  }
};

CASC_AMX inline void copy(uint8_t* to, const uint8_t* from, size_t length) {
  for (size_t i = 0; i < length; i += kTileBytes) {
    const size_t rest = length - i;
    const __mmask64 lanes = rest >= kTileBytes ? ~__mmask64{0} : (__mmask64{1} << rest) - 1;
    _mm512_storeu_si512(to + i, _mm512_maskz_loadu_epi8(lanes, from + i));
  }
}

/** Values from..to of `count` rows; up to 63 bytes behind each are overwritten with zeros. */
CASC_AMX inline void gather(Rows rows, size_t count, const Depth& depth, size_t from, size_t to,
                            uint8_t* values) {
  const WindowJob& job = rows.job;
  const size_t firstPiece = from / job.pieceBytes, firstOffset = from % job.pieceBytes;
  for (size_t r = 0; r < count; ++r, rows.next(), values += kRowBytes) {
    const uint8_t* const window = rows.values();
    uint8_t* out = values;
    size_t piece = firstPiece, offset = firstOffset;
    for (size_t k = from; k < to;) {
      if (k == depth.whole) {
        _mm512_storeu_si512(out, _mm512_setzero_si512());
        out += depth.zeros;
      }
      const size_t end = k < depth.whole ? std::min(to, depth.whole) : to;
      const size_t length = std::min(job.pieceBytes - offset, end - k);
      copy(out, window + job.pieces[piece] + offset, length);
      out += length;
      k += length;
      offset += length;
      if (offset < job.pieceBytes) continue;
      offset = 0;
      ++piece;
    }
  }
}

/** One group of rows by one or two blocks of outputs, over the tiles of one part. */
struct Product {
  const uint8_t* values;
  const int8_t* weights;  // of the first block
  size_t blockBytes;
  const Depth& depth;
  size_t firstTile, endTile;
  const int32_t* start;  // of the first block; null for zeros
};

// Tile registers: 0 to 3 are sums, [rows][block]; 4 and 5 values, 6 and 7 weights.
template <bool TwoRows, bool TwoBlocks>
CASC_AMX inline void multiply(const Product& product) {
  if (product.start) {
    // A stride of zero: every row of the tile starts with the same numbers.
    _tile_loadd(0, product.start, 0);
    if constexpr (TwoBlocks) _tile_loadd(1, product.start + kWindowOutputs, 0);
    if constexpr (TwoRows) _tile_loadd(2, product.start, 0);
    if constexpr (TwoRows && TwoBlocks) _tile_loadd(3, product.start + kWindowOutputs, 0);
  } else {
    _tile_zero(0);
    if constexpr (TwoBlocks) _tile_zero(1);
    if constexpr (TwoRows) _tile_zero(2);
    if constexpr (TwoRows && TwoBlocks) _tile_zero(3);
  }
  const uint8_t* values = product.values;
  for (size_t tile = product.firstTile; tile < product.endTile; ++tile, values += kTileBytes) {
    const int8_t* weights = product.weights + product.depth.start(tile) * kWindowOutputs;
    _tile_loadd(4, values, kRowBytes);
    _tile_loadd(6, weights, kTileBytes);
    _tile_dpbusd(0, 4, 6);
    if constexpr (TwoBlocks) {
      _tile_loadd(7, weights + product.blockBytes, kTileBytes);
      _tile_dpbusd(1, 4, 7);
    }
    if constexpr (TwoRows) {
      _tile_loadd(5, values + kTileRows * kRowBytes, kRowBytes);
      _tile_dpbusd(2, 5, 6);
      if constexpr (TwoBlocks) _tile_dpbusd(3, 5, 7);
    }
  }
}

/** Where a tile of sums goes: `count` rows by the outputs from `first`. */
struct Target {
  Rows rows;
  size_t count;
  size_t first;
  bool add;

  /** Do the tile's rows lie equally far apart, to be written as they are? */
  bool regular() const {
    return !add && count == kTileRows && first + kWindowOutputs <= rows.job.outputs &&
           rows.window + count <= rows.job.windowCount;
  }
  size_t strideBytes() const { return rows.job.outStride * sizeof(int32_t); }
};

CASC_AMX inline void write(Target target, const int32_t* sums) {
  const __mmask16 lanes = avx512::lanesBelow(target.rows.job.outputs - target.first);
  for (size_t r = 0; r < target.count; ++r, target.rows.next(), sums += kWindowOutputs) {
    int32_t* out = target.rows.out() + target.first;
    __m512i sum = _mm512_loadu_si512(sums);
    if (target.add) sum = _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(lanes, out));
    _mm512_mask_storeu_epi32(out, lanes, sum);
  }
}

// Tile registers are named by literals.
#define CASC_STORE_TILE(tile, target)                                           \
  {                                                                             \
    const Target to = target;                                                   \
    if (to.regular()) {                                                         \
      _tile_stored(tile, to.rows.out() + to.first, to.strideBytes());           \
    } else {                                                                    \
      _tile_stored(tile, scratch.sums[tile], kWindowOutputs * sizeof(int32_t)); \
      write(to, scratch.sums[tile]);                                            \
    }                                                                           \
  }

template <bool TwoRows, bool TwoBlocks>
CASC_AMX inline void multiplyAndWrite(const Product& product, const Rows& rows, size_t count,
                                      size_t first, bool add, Scratch& scratch) {
  multiply<TwoRows, TwoBlocks>(product);
  const size_t upper = std::min(count, kTileRows), second = first + kWindowOutputs;
  CASC_STORE_TILE(0, (Target{rows, upper, first, add}))
  if constexpr (TwoBlocks) CASC_STORE_TILE(1, (Target{rows, upper, second, add}))
  if constexpr (TwoRows) {
    Rows below = rows;
    below.skip(kTileRows);
    CASC_STORE_TILE(2, (Target{below, count - upper, first, add}))
    if constexpr (TwoBlocks) CASC_STORE_TILE(3, (Target{below, count - upper, second, add}))
  }
}
#undef CASC_STORE_TILE

CASC_AMX void multiplyGroup(const WindowJob& job, Product product, const Rows& rows, size_t count,
                            bool add, Scratch& scratch) {
  const bool twoRows = count > kTileRows;
  for (size_t first = 0; first < job.outputs; first += 2 * kWindowOutputs) {
    const bool twoBlocks = first + kWindowOutputs < job.outputs;
    if (twoRows && twoBlocks) {
      multiplyAndWrite<true, true>(product, rows, count, first, add, scratch);
    } else if (twoRows) {
      multiplyAndWrite<true, false>(product, rows, count, first, add, scratch);
    } else if (twoBlocks) {
      multiplyAndWrite<false, true>(product, rows, count, first, add, scratch);
    } else {
      multiplyAndWrite<false, false>(product, rows, count, first, add, scratch);
    }
    product.weights += 2 * product.blockBytes;
    if (product.start) product.start += 2 * kWindowOutputs;
  }
}

}  // namespace

CASC_AMX void windowProductAmx(const WindowJob& job) {
  const size_t rowCount = job.windowCount * job.steps;
  if (rowCount < kFewRows) return windowProductAvx512(job);
  const Depth depth(job);
  TileConfig config;
  for (size_t tile = 0; tile < 8; ++tile) {
    config.rows[tile] = kTileRows;
    config.rowBytes[tile] = kTileBytes;
  }
  config.rowBytes[4] = config.rowBytes[5] = static_cast<uint16_t>(depth.tileBytes);
  config.rows[6] = config.rows[7] = static_cast<uint8_t>(depth.tileBytes / kWindowQuad);
  Scratch scratch;
  // GCC's tile instructions do not tell it that they read memory.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  _tile_loadconfig(&config);
  // A part of the depth at a time; each adds to what the one before left.
  for (size_t tile = 0; tile < depth.tiles; tile += kPartTiles) {
    const size_t endTile = std::min(tile + kPartTiles, depth.tiles);
    const size_t from = tile * kTileBytes, to = std::min(endTile * kTileBytes, depth.k);
    const Product product{scratch.values, job.weights, depth.k * kWindowOutputs,       depth,
                          tile,           endTile,     tile == 0 ? job.start : nullptr};
    Rows rows{job};
    for (size_t row = 0; row < rowCount; row += kGroupRows, rows.skip(kGroupRows)) {
      const size_t count = std::min(kGroupRows, rowCount - row);
      gather(rows, count, depth, from, to, scratch.values);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      multiplyGroup(job, product, rows, count, job.add || tile > 0, scratch);
    }
  }
  // The next user of this thread finds no tiles, and its context switches do not carry them.
  _tile_release();
}

}  // namespace casc
#endif
