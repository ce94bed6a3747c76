/** Options that several commands share, and how their texts become values. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { InputScaling, InputScalingOptions } from '../datasets';
import type { Network } from '../graph';
import type { PlanFormat } from '../native';
import { readMetadata } from '../quantize/metadata';
import type { NeuronModel, ScheduleOptions } from '../simulate';

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0) || !Number.isFinite(value)) {
    throw new InvalidArgumentError('Expected a number above 0.');
  }
  return value;
}

function numberList(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.some((value) => !Number.isFinite(value))) {
    throw new InvalidArgumentError('Expected numbers separated by commas, as 0.485,0.456,0.406.');
  }
  return values;
}

function sleepSteps(text: string): number | 'auto' {
  return text === 'auto' ? text : wholeNumber(text);
}

export function formatOption(): Option {
  return new Option('--format <format>', 'arithmetic (default: what the file records, else float32)').choices([
    'float32',
    'int8',
    'int16',
  ]);
}

export interface ScheduleFlags {
  neuron?: NeuronModel;
  gamma?: number;
  shift?: string;
  upperBound?: 'on' | 'off';
  wake?: number;
  sleep?: number | 'auto';
  margin?: number;
}

export function addSchedule(command: Command): Command {
  return command
    .optionsGroup('Schedule:')
    .addOption(new Option('--neuron <model>', 'neuron (default: cif)').choices(['cif', 'if', 'signed', 'burst']))
    .option('--gamma <n>', 'most spikes in one step (default: 1; burst 5)', wholeNumber)
    .addOption(
      new Option('--shift <phi>', "initial membrane, in thresholds (default: the net's)").choices(['0', '0.5']),
    )
    .addOption(
      new Option('--upper-bound <on|off>', "at most as many spikes as awake steps (default: the neuron's)").choices([
        'on',
        'off',
      ]),
    )
    .option('--wake <n>', "awake steps (default: the net's levels)", wholeNumber)
    .option('--sleep <n|auto>', 'sleep steps (default: auto, until no neuron fires)', sleepSteps)
    .option('--margin <n>', 'sleep after every n awake steps (default: after the last)', wholeNumber);
}

export function scheduleOf(flags: ScheduleFlags): ScheduleOptions {
  const { neuron, gamma, wake, sleep, margin } = flags;
  return {
    neuron,
    gamma,
    wake,
    sleep,
    margin,
    shift: flags.shift === undefined ? undefined : Number(flags.shift),
    upperBound: flags.upperBound === undefined ? undefined : flags.upperBound === 'on',
  };
}

export interface ScalingFlags {
  mean?: number[];
  std?: number[];
  scale?: number;
  resize?: string;
  interpolation?: InputScaling['interpolation'];
  antialias?: boolean;
  crop?: string;
  channels?: 'rgb' | 'bgr' | 'gray';
}

export function addScaling(command: Command): Command {
  return command
    .optionsGroup('Input scaling (where the file records none):')
    .option('--mean <list>', 'mean per channel, of pixels times the scale', numberList)
    .option('--std <list>', 'standard deviation per channel', numberList)
    .option('--scale <s>', 'factor of pixels (default: 1/255; 1 for raw 0..255)', positiveNumber)
    .option('--resize <size|HxW>', 'shorter side, or stretch to height x width')
    .addOption(
      new Option('--interpolation <rule>', 'resize rule (default: bilinear)').choices([
        'bilinear',
        'bicubic',
        'nearest',
        'lanczos3',
      ]),
    )
    .option('--no-antialias', 'plain interpolation, as OpenCV has it')
    .option('--crop <size|HxW>', 'centre crop')
    .addOption(
      new Option('--channels <order>', "channel order (default: the data set's)").choices(['rgb', 'bgr', 'gray']),
    );
}

/** The scaling that the flags ask for, over what the file records; undefined where neither says anything. */
export function scalingOf(flags: ScalingFlags, network: Network): InputScalingOptions | undefined {
  const scaling: InputScalingOptions = { ...readMetadata(network).input };
  if (flags.mean) scaling.mean = flags.mean;
  if (flags.std) scaling.std = flags.std;
  if (flags.scale !== undefined) scaling.scale = flags.scale;
  if (flags.resize !== undefined) scaling.resize = resizeOf(flags.resize);
  if (flags.interpolation) scaling.interpolation = flags.interpolation;
  if (flags.antialias === false) scaling.antialias = false;
  if (flags.crop !== undefined) {
    const [height, width] = sizeOf('--crop', flags.crop);
    scaling.crop = { height, width };
  }
  if (flags.channels) scaling.channels = flags.channels;
  if (Object.keys(scaling).length === 0) return undefined;
  // A net with one input plane sees grey images, whatever the data set stores.
  if (network.nodes[network.input]!.shape.c === 1) scaling.channels ??= 'gray';
  return scaling;
}

function resizeOf(text: string): InputScalingOptions['resize'] {
  const [height, width] = sizeOf('--resize', text);
  return text.includes('x') ? { rule: 'stretch', size: [height, width] } : { rule: 'short-side', size: height };
}

function sizeOf(option: string, text: string): [number, number] {
  const match = /^(\d+)(?:x(\d+))?$/.exec(text);
  if (!match) throw new InvalidArgumentError(`${option} takes a size as 224 or 224x320 (height x width).`);
  return [Number(match[1]), Number(match[2] ?? match[1])];
}

export function parseFormat(text: string | undefined): PlanFormat | undefined {
  return text as PlanFormat | undefined;
}
