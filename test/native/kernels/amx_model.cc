// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (LDTILECFG, TDPBUSD,
// TILELOADD, TILERELEASE, TILESTORED, TILEZERO) and volume 1, "Programming with Intel AMX". A CPU
// without AMX raises an invalid-opcode exception for each of them, which Linux turns into SIGILL.
#include "amx_model.h"

#include "kernels/isa.h"
#include "kernels/target.h"

#if CASC_HAS_AMX
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace casc::test {
namespace {

constexpr int kTiles = 8, kMostRows = 16, kMostBytes = 64;

struct Tile {
  int rows = 0, rowBytes = 0;
  uint8_t data[kMostRows][kMostBytes] = {};
};

struct Machine {
  bool configured = false;
  Tile tiles[kTiles];
  unsigned long instructions = 0;
};
Machine machine;

[[noreturn]] void fault(const char* why) {
  char text[160];
  const int length = std::snprintf(text, sizeof text, "the model of AMX faults: %s\n", why);
  static_cast<void>(!write(STDOUT_FILENO, text, static_cast<size_t>(length)));
  _exit(1);
}
void require(bool condition, const char* why) {
  if (!condition) fault(why);
}

Tile& configured(int tile) {
  require(machine.configured, "#UD: no tiles are configured");
  require(tile < kTiles, "#UD: there are eight tiles");
  require(machine.tiles[tile].rows > 0, "#UD: the tile is not configured");
  return machine.tiles[tile];
}

void release() {
  machine.configured = false;
  for (Tile& tile : machine.tiles) tile = {};
}

void loadConfig(const uint8_t* config) {
  release();
  if (config[0] == 0) return;
  require(config[0] == 1, "#GP: palette");
  require(config[1] == 0, "the model starts rows at 0");
  require(std::all_of(config + 2, config + 16, [](uint8_t b) { return b == 0; }), "#GP: reserved");
  for (int i = 0; i < 16; ++i) {
    uint16_t rowBytes;
    std::memcpy(&rowBytes, config + 16 + 2 * i, sizeof rowBytes);
    const uint8_t rows = config[48 + i];
    if (i >= kTiles) {
      require(rows == 0 && rowBytes == 0, "#GP: there are eight tiles");
      continue;
    }
    require(rows <= kMostRows && rowBytes <= kMostBytes, "#GP: a tile is too large");
    require((rows == 0) == (rowBytes == 0), "#GP: rows without bytes");
    machine.tiles[i].rows = rows;
    machine.tiles[i].rowBytes = rowBytes;
  }
  machine.configured = true;
}

void load(Tile& tile, const uint8_t* from, int64_t stride) {
  std::memset(tile.data, 0, sizeof tile.data);
  for (int r = 0; r < tile.rows; ++r)
    std::memcpy(tile.data[r], from + r * stride, static_cast<size_t>(tile.rowBytes));
}

void store(const Tile& tile, uint8_t* to, int64_t stride) {
  for (int r = 0; r < tile.rows; ++r)
    std::memcpy(to + r * stride, tile.data[r], static_cast<size_t>(tile.rowBytes));
}

/** Unsigned bytes of `a` by signed bytes of `b`. */
void dotUnsignedSigned(Tile& sums, const Tile& a, const Tile& b) {
  require(&sums != &a && &sums != &b && &a != &b, "#UD: operands must be three tiles");
  require(sums.rowBytes % 4 == 0 && a.rowBytes % 4 == 0 && b.rowBytes % 4 == 0, "#UD: quads");
  require(sums.rows == a.rows, "#UD: rows of the sums and of the first operand");
  require(a.rowBytes / 4 == b.rows, "#UD: depth of the operands");
  require(sums.rowBytes == b.rowBytes, "#UD: columns of the sums and of the second operand");
  for (int m = 0; m < sums.rows; ++m) {
    for (int k = 0; k < a.rowBytes / 4; ++k) {
      for (int n = 0; n < b.rowBytes / 4; ++n) {
        uint32_t sum;
        std::memcpy(&sum, sums.data[m] + 4 * n, sizeof sum);
        for (int i = 0; i < 4; ++i)
          sum += static_cast<uint32_t>(int32_t{a.data[m][4 * k + i]} *
                                       static_cast<int8_t>(b.data[k][4 * n + i]));
        std::memcpy(sums.data[m] + 4 * n, &sum, sizeof sum);
      }
    }
  }
}

/** The operands of a VEX-encoded instruction of map 0F38. */
struct Instruction {
  uint8_t opcode, prefix, mod, reg, rm;
  uint8_t source;        // VEX.vvvv
  uint64_t address = 0;  // base and displacement; with the index where it is no stride
  int64_t stride = 0;    // the index
  uint64_t length = 0;
};

uint64_t registerOf(const ucontext_t& context, unsigned number) {
  static constexpr int kOrder[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                   REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                   REG_R12, REG_R13, REG_R14, REG_R15};
  return static_cast<uint64_t>(context.uc_mcontext.gregs[kOrder[number]]);
}

Instruction decode(const ucontext_t& context) {
  const auto* const start = reinterpret_cast<const uint8_t*>(context.uc_mcontext.gregs[REG_RIP]);
  require(start[0] == 0xC4 && (start[1] & 0x1F) == 2 && (start[2] & 0x84) == 0,
          "not an instruction of AMX");
  const bool extendReg = !(start[1] & 0x80), extendIndex = !(start[1] & 0x40),
             extendBase = !(start[1] & 0x20);
  Instruction in{};
  in.prefix = start[2] & 3;
  in.source = static_cast<uint8_t>(~start[2] >> 3 & 15);
  in.opcode = start[3];
  const uint8_t* next = start + 4;
  const uint8_t modrm = *next++;
  in.mod = modrm >> 6;
  in.reg = static_cast<uint8_t>((modrm >> 3 & 7) + 8 * extendReg);
  in.rm = modrm & 7;
  if (in.mod == 3) {
    in.rm = static_cast<uint8_t>(in.rm + 8 * extendBase);
    in.length = static_cast<uint64_t>(next - start);
    return in;
  }
  uint8_t base = in.rm;
  if (in.rm == 4) {
    const uint8_t sib = *next++;
    base = sib & 7;
    const auto index = static_cast<unsigned>((sib >> 3 & 7) + 8 * extendIndex);
    if (index != 4) in.stride = static_cast<int64_t>(registerOf(context, index) << (sib >> 6));
  }
  require(!(in.mod == 0 && base == 5), "the model has no addresses without a base");
  in.address = registerOf(context, base + 8u * extendBase);
  if (in.mod == 1) in.address += static_cast<uint64_t>(int64_t{static_cast<int8_t>(*next++)});
  if (in.mod == 2) {
    int32_t displacement;
    std::memcpy(&displacement, next, sizeof displacement);
    next += sizeof displacement;
    in.address += static_cast<uint64_t>(int64_t{displacement});
  }
  in.length = static_cast<uint64_t>(next - start);
  return in;
}

void execute(const Instruction& in) {
  constexpr uint8_t kNone = 0, k66 = 1, kF3 = 2, kF2 = 3;
  auto* const memory = reinterpret_cast<uint8_t*>(in.address);
  if (in.opcode == 0x49 && in.prefix == kNone && in.mod != 3 && in.reg == 0) {
    return loadConfig(memory + in.stride);
  }
  if (in.opcode == 0x49 && in.prefix == kNone && in.mod == 3 && in.reg == 0 && in.rm == 0)
    return release();
  if (in.opcode == 0x49 && in.prefix == kF2 && in.mod == 3 && in.rm == 0) {
    Tile& tile = configured(in.reg);
    std::memset(tile.data, 0, sizeof tile.data);
    return;
  }
  if (in.opcode == 0x4B && in.mod != 3) {
    require(in.rm == 4, "#UD: tiles are addressed with an index");
    if (in.prefix == kF2) return load(configured(in.reg), memory, in.stride);
    if (in.prefix == kF3) return store(configured(in.reg), memory, in.stride);
  }
  if (in.opcode == 0x5E && in.mod == 3 && in.prefix == k66)
    return dotUnsignedSigned(configured(in.reg), configured(in.rm), configured(in.source));
  fault("an instruction that the model does not know");
}

void onInvalidOpcode(int, siginfo_t*, void* data) {
  auto& context = *static_cast<ucontext_t*>(data);
  const Instruction instruction = decode(context);
  execute(instruction);
  ++machine.instructions;
  context.uc_mcontext.gregs[REG_RIP] += static_cast<greg_t>(instruction.length);
}

}  // namespace

bool amxModelFits() {
  const auto found = foundIsas();
  return std::find(found.begin(), found.end(), Isa::Avx512) != found.end();
}

void installAmxModel() {
  struct sigaction action = {};
  action.sa_sigaction = onInvalidOpcode;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, nullptr);
}

AmxModelState amxModelState() { return {!machine.configured, machine.instructions}; }

}  // namespace casc::test
#else
namespace casc::test {
bool amxModelFits() { return false; }
void installAmxModel() {}
AmxModelState amxModelState() { return {true, 0}; }
}  // namespace casc::test
#endif
