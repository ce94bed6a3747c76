// Draws random jobs for every kernel and compares every instruction set with the scalar one.
//   kernels-test [seed] [rounds]
// Ends with 0 if all are equal, 1 otherwise.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "amx_model.h"
#include "check.h"

namespace casc::test {
namespace {

struct Kernel {
  const char* name;
  void (*round)(Round&);
};
constexpr Kernel kKernels[] = {
    {"windows", windows},   {"rows", rows},     {"codes", codes},     {"train", train},
    {"shortcut", shortcut}, {"bytes", bytes},   {"levels", levels},   {"pools", pools},
    {"neuron", neuron},     {"events", events}, {"scatter", scatter}, {"patch", patch},
    {"floats", floats},
};

char where[200];

void onFault(int) {
  static_cast<void>(!write(STDOUT_FILENO, where, std::strlen(where)));
  _exit(1);
}

/** Instruction sets to compare with the scalar one. */
std::vector<Isa> isas() {
  auto isas = foundIsas();
  const auto built = builtIsas();
  if (std::find(built.begin(), built.end(), Isa::Amx) != built.end() &&
      std::find(isas.begin(), isas.end(), Isa::Amx) == isas.end() && amxModelFits()) {
    installAmxModel();
    isas.push_back(Isa::Amx);
  }
  isas.erase(isas.begin());
  return isas;
}

bool test(const Kernel& kernel, Isa isa, uint64_t seed, unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    std::snprintf(where, sizeof where,
                  "%s on %s, round %u of seed %llu: touches memory that is not its own\n",
                  kernel.name, isaName(isa), i, static_cast<unsigned long long>(seed));
    Round round{Random(seed + i * 0x2545f4914f6cdd1du), isa};
    kernel.round(round);
    if (round.same && amxModelState().released) continue;
    std::printf("%s on %s, round %u of seed %llu: %s\n", kernel.name, isaName(isa), i,
                static_cast<unsigned long long>(seed),
                round.same ? "tiles are not released" : "differs from scalar");
    return false;
  }
  return true;
}

int run(int argc, char** argv) {
  const uint64_t seed =
      argc > 1 ? std::strtoull(argv[1], nullptr, 10)
               : static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  const unsigned rounds =
      argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 300;
  signal(SIGSEGV, onFault);
  signal(SIGBUS, onFault);
  const auto compared = isas();
  std::printf("seed %llu, %u rounds\n", static_cast<unsigned long long>(seed), rounds);
  bool same = true;
  for (Isa isa : compared) {
    const unsigned long before = amxModelState().instructions;
    bool all = true;
    for (const Kernel& kernel : kKernels) all = test(kernel, isa, seed, rounds) && all;
    const unsigned long modelled = amxModelState().instructions - before;
    if (all) std::printf("%s: equal", isaName(isa));
    if (all && modelled > 0) std::printf(" (%lu instructions by the model of AMX)", modelled);
    if (all) std::printf("\n");
    std::fflush(stdout);
    same = same && all;
  }
  return same ? 0 : 1;
}

}  // namespace
}  // namespace casc::test

int main(int argc, char** argv) { return casc::test::run(argc, argv); }
