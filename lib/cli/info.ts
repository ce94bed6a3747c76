import { Command } from 'commander';
import { CascError, importModel, info, memoryTable, SpikingNetwork } from '..';
import {
  addScaling,
  addSchedule,
  addThreads,
  formatOption,
  parseFormat,
  type ScalingFlags,
  type ScheduleFlags,
  scalingOf,
  scheduleOf,
} from './options';

interface Flags extends ScheduleFlags, ScalingFlags {
  model?: string;
  format?: string;
  threads?: number;
  json?: boolean;
}

const HELP = `
With --model the other options are those of casc evaluate; the memory is that of a run with them. It leaves out what JavaScript
holds (the file's weights, a batch being decoded) and, in evaluate, the readouts after every step.

Examples:
  casc info
  CASC_ISA=scalar casc info --json
  casc info --model q8.onnx --threads 2
  casc info --model q8.onnx --wake 32 --sleep 8 --json`;

export function infoCommand(): Command {
  const command = new Command('info')
    .description('version, instruction sets built, found and in use, threads; the memory that a net takes')
    .option('--json', 'as JSON')
    .option('--model <q.onnx>', 'also the memory of this net: as loaded, and at most in a run')
    .addOption(formatOption());
  return addScaling(addSchedule(addThreads(command)))
    .addHelpText('after', HELP)
    .action(async (flags: Flags, self: Command) => {
      if (flags.model === undefined) refuseRunOptions(self);
      const { version, node, platform, built, found, isa, threads, compiler, flags: compilerFlags } = info();
      const model = flags.model === undefined ? null : await modelMemory(flags.model, flags, threads);
      if (flags.json) {
        const { table: _, ...data } = model ?? { table: '' };
        const build = { version, node, platform, built, found, isa, threads, compiler, flags: compilerFlags };
        const json = { ...build, ...(model ? { model: data } : {}) };
        console.log(JSON.stringify(json, null, 2));
        return;
      }
      console.log(`casc-snn ${version}, Node.js ${node}, ${platform}`);
      console.log(`instruction sets  built ${built.join(', ')}; found ${found.join(', ')}; in use ${isa}`);
      console.log(`threads           ${threads}`);
      console.log(`compiled by       ${compiler}${compilerFlags && ` with ${compilerFlags}`}`);
      if (model) console.log(`\n${model.file}: ${model.levels} levels, ${model.format}; ${model.table}`);
    });
}

/** Every option but --json is of a run, and a run needs a net. */
function refuseRunOptions(command: Command): void {
  const given = command.options.find(
    (option) => option.attributeName() !== 'json' && command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (!given) return;
  throw new CascError('ERR_CASC_ARGUMENT', `${given.long} is of a run: it needs --model <q.onnx>`, {
    option: given.attributeName(),
  });
}

async function modelMemory(model: string, flags: Flags, hardware: number) {
  const network = await importModel(model);
  const snn = SpikingNetwork.from(network, { format: parseFormat(flags.format), scaling: scalingOf(flags, network) });
  try {
    const schedule = snn.schedule(scheduleOf(flags));
    const memory = snn.memory(scheduleOf(flags));
    const { file, format, levels } = { file: network.file, ...snn.converted };
    const threads = flags.threads ?? hardware;
    const { neuron, wake, margin, sleep, cap, stagger } = schedule;
    return {
      file,
      format,
      levels,
      schedule: { neuron, wake, margin, sleep: sleep < 0 ? 'auto' : sleep, cap, stagger },
      threads,
      memory,
      table: memoryTable(memory, schedule, threads),
    };
  } finally {
    snn.dispose();
  }
}
