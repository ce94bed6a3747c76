/** Options that several commands share, and how their texts become values. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  CascError,
  type EnergyPrices,
  type InputScaling,
  type InputScalingOptions,
  iterationsWithin,
  type Network,
  type NeuronModel,
  type PlanFormat,
  type QuantizeMethod,
  readMetadata,
  type ScheduleOptions,
  type Shard,
} from '..';

/** Parses a whole number from `from` on, up to `to` where given. */
export function wholeNumber(from: number, to = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(
      `Expected a whole number, ${to === Number.POSITIVE_INFINITY ? `at least ${from}` : `${from} to ${to}`}.`,
    );
  };
}

function positiveNumber(text: string): number {
  const value = decimal(text);
  if (!(value > 0)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

function nonNegativeNumber(text: string): number {
  const value = decimal(text);
  if (!(value >= 0)) throw new InvalidArgumentError('Expected a number, at least 0.');
  return value;
}

/** Parses the share of the percentile method. */
export function share(text: string): number {
  const value = decimal(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('Expected a share above 0, up to 1, as 0.999.');
  return value;
}

/** Parses a loss in percent. */
export function points(text: string): number {
  const value = decimal(text);
  if (!(value >= 0 && value <= 100)) throw new InvalidArgumentError('Expected a number from 0 to 100.');
  return value;
}

function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0) || !Number.isFinite(value)) {
    throw new InvalidArgumentError('Expected a number, 0 or more.');
  }
  return value;
}

function numberList(text: string): number[] {
  const values = text.split(',').map(decimal);
  if (values.some(Number.isNaN) || ![1, 3].includes(values.length)) {
    throw new InvalidArgumentError('Expected one number, or one per channel as 0.485,0.456,0.406.');
  }
  return values;
}

function byteList(text: string): number[] {
  const values = numberList(text);
  if (values.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)) return values;
  throw new InvalidArgumentError('Expected whole numbers from 0 to 255.');
}

function positiveList(text: string): number[] {
  const values = numberList(text);
  if (values.some((value) => value <= 0)) throw new InvalidArgumentError('Expected numbers above 0.');
  return values;
}

/** NaN for anything but a finite decimal number. */
function decimal(text: string): number {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : Number.NaN;
}

function sleepSteps(text: string): number | 'auto' {
  if (text === 'auto') return text;
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected auto or a whole number.');
  return Number(text);
}

export function addThreads(command: Command): Command {
  return command.option('--threads <n>', 'worker threads (default: all)', wholeNumber(1, 256));
}

export interface EnergyFlags {
  energy?: EnergyPrices;
}

export function addEnergy(command: Command): Command {
  return command.option(
    '--energy <mac,ac>',
    'pJ of a multiply-add and of an addition (default: 4.6,0.9)',
    energyPrices,
  );
}

function energyPrices(text: string): EnergyPrices {
  const [multiplyAdd, addition, ...more] = text.split(',').map(decimal);
  if (!(multiplyAdd! >= 0 && addition! >= 0) || more.length > 0) {
    throw new InvalidArgumentError('Expected two numbers, 0 or more, as 4.6,0.9.');
  }
  return { multiplyAdd: multiplyAdd! * 1e-12, addition: addition! * 1e-12 };
}

/** Parses `i/n`. */
export function shardOf(text: string): Shard {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index! >= 1 && index! <= of!) return { index: index!, of: of! };
  throw new InvalidArgumentError('Expected i/n with i from 1 to n, as 1/4.');
}

/** What `<data>` means, for the help of the commands that take it. */
export const DATA_HELP = `
Data is kind:path[#split]:
  cifar10, cifar100   folder of the binary version, or one .bin file; split test (default) or train
  mnist               folder or images file in IDX, also gzipped (Fashion-MNIST, ...); split test (default) or train
  imagenet            folder of class folders (n01440764, ...), or of images with labels.txt; the split is a subfolder
                      or a label file
  coco                folder with annotations/*.json and images (val2017/, images/), or the JSON file; the split is val2017
                      and the like
  voc                 folder as VOCdevkit/VOC2007; the split is a list in ImageSets/Main (default: test)
`;

export function formatOption(text = 'arithmetic (default: what the file records, else float32)'): Option {
  return new Option('--format <format>', text).choices(['float32', 'int8', 'int16']);
}

/** `--shift` of a quantised activation. */
export function parseShift(text: string | undefined): 0 | 0.5 | undefined {
  return text === undefined ? undefined : (Number(text) as 0 | 0.5);
}

export function methodOption(): Option {
  return new Option('--method <method>', 'how, see below (default: mse)').choices([
    'mse',
    'refit',
    'reconstruct',
    'percentile',
  ]);
}

/** `--split`, `--iterations` and `--seconds`. */
export function addTraining(command: Command): Command {
  return command
    .option(
      '--split <share>',
      'of the methods refit and reconstruct: neurons that may be added, as a share (default: 0)',
      nonNegativeNumber,
    )
    .option('--iterations <n>', 'of the method reconstruct: steps for each block (default: 300)', wholeNumber(1))
    .addOption(
      new Option('--seconds <n>', 'of the method reconstruct: as many iterations as fit; which is printed')
        .argParser(positiveNumber)
        .conflicts('iterations'),
    );
}

export interface TrainingFlags {
  method?: QuantizeMethod;
  split?: number;
  iterations?: number;
  seconds?: number;
  threads?: number;
}

/** The number of iterations, fixed beforehand: it alone decides the result. */
export async function iterationsOf(
  { method, iterations, seconds, threads }: TrainingFlags,
  network: Network,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (seconds === undefined || method !== 'reconstruct') {
    if (seconds === undefined) return iterations;
    throw new CascError('ERR_CASC_ARGUMENT', `--seconds is for --method reconstruct, not ${method ?? 'mse'}`, {
      option: 'seconds',
    });
  }
  const fitting = await iterationsWithin(network, seconds, { threads, signal });
  console.error(`note: ${fitting} iterations in about ${seconds} s; --iterations ${fitting} makes the same file again`);
  return fitting;
}

/** For the help of the commands that quantise. */
export const METHOD_HELP = `
Methods:
  mse         clip values of least squared error, weights as they are
  refit       layer after layer, weights fitted to the fp32 net on what the quantised net gives them, in closed form, then
              clip values; at least 16 images, better 256 to 1024 (--samples)
  reconstruct refit, then weights, biases and clip values trained block by block on what the fp32 net's blocks put out;
              at least 32 images; --iterations (default 300) or --seconds say how long
  With --split 0.5 up to half as many neurons again are spent where they take most error off the outputs: channels are
  made several times over with staggered thresholds, and so have more levels between them.
  percentile  the paper's: a quantile of each layer's activations
`;

export interface ModeFlags {
  mode?: 'full' | 'rest';
  verify?: number;
}

/** `--mode` and `--verify`. */
export function addMode(command: Command): Command {
  return command
    .addOption(
      new Option('--mode <full|rest>', 'simulate every step (default), or only compute the answer at rest').choices([
        'full',
        'rest',
      ]),
    )
    .option('--verify <share>', 'mode rest: simulate so many images in full and compare every neuron', share);
}

/** For the help of the commands that take a mode. */
export const MODE_HELP = `
Mode rest computes the quantised ANN, whose answer is the spiking net's at rest by the loss-free theorem: no steps, no spikes,
much faster. Only for int8 and int16, neuron cif and sleep auto. --verify 0.01 simulates one image in a hundred in full.
Exit code 3: the certificate failed.
`;

export interface ScheduleFlags {
  neuron?: NeuronModel;
  gamma?: number;
  shift?: string;
  upperBound?: 'on' | 'off';
  wake?: number;
  sleep?: number | 'auto';
  margin?: number;
  stagger?: number;
}

export function addSchedule(command: Command): Command {
  return command
    .optionsGroup('Schedule:')
    .addOption(new Option('--neuron <model>', 'neuron (default: cif)').choices(['cif', 'if', 'signed', 'burst']))
    .option('--gamma <n>', 'most spikes in one step (default: 1; burst 5)', wholeNumber(1, 127))
    .addOption(
      new Option('--shift <phi>', "initial membrane, in thresholds (default: the net's)").choices(['0', '0.5']),
    )
    .addOption(
      new Option('--upper-bound <on|off>', "at most as many spikes as awake steps (default: the neuron's)").choices([
        'on',
        'off',
      ]),
    )
    .option('--wake <n>', "awake steps (default: the net's levels)", wholeNumber(1, 1_000_000))
    .option('--sleep <n|auto>', 'sleep steps (default: auto, until no neuron fires)', sleepSteps)
    .option('--margin <n>', 'sleep after every n awake steps (default: after the last)', wholeNumber(1))
    .option('--stagger <d>', 'layer l fires only from step d*l on: fewer spikes, more steps (default: 0)', notNegative);
}

export function scheduleOf(flags: ScheduleFlags): ScheduleOptions {
  const { neuron, gamma, wake, sleep, margin, stagger } = flags;
  return {
    neuron,
    gamma,
    wake,
    sleep,
    margin,
    stagger,
    shift: flags.shift === undefined ? undefined : Number(flags.shift),
    upperBound: flags.upperBound === undefined ? undefined : flags.upperBound === 'on',
  };
}

export interface ScalingFlags {
  mean?: number[];
  std?: number[];
  scale?: number;
  resize?: InputScalingOptions['resize'];
  letterbox?: InputScalingOptions['resize'];
  pad?: number[];
  interpolation?: InputScaling['interpolation'];
  antialias?: boolean;
  crop?: InputScalingOptions['crop'];
  channels?: 'rgb' | 'bgr' | 'gray';
}

export function addScaling(command: Command): Command {
  return command
    .optionsGroup('Input scaling (where the file records none):')
    .option('--mean <list>', 'subtracted per channel, from pixels times the scale', numberList)
    .option('--std <list>', 'divides per channel, after that', positiveList)
    .option('--scale <s>', 'multiplies the pixels 0..255 (default: 1/255)', positiveNumber)
    .option('--resize <size|HxW>', 'shorter side, or stretch to height x width', resizeOf)
    .addOption(
      new Option('--letterbox <size|HxW>', 'largest size of the same aspect ratio that fits, in the middle')
        .argParser(letterboxOf)
        .conflicts(['resize', 'crop']),
    )
    .option('--pad <list>', 'what a letter-box is filled with, 0..255 (default: 114)', byteList)
    .addOption(
      new Option('--interpolation <rule>', 'resize rule (default: bilinear)').choices([
        'bilinear',
        'bicubic',
        'nearest',
        'lanczos3',
      ]),
    )
    .option('--no-antialias', 'plain interpolation, as OpenCV has it')
    .option('--crop <size|HxW>', 'centre crop', cropOf)
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
  if (flags.resize ?? flags.letterbox) scaling.resize = flags.resize ?? flags.letterbox;
  if (flags.pad) scaling.resize = paddedWith(scaling.resize, flags.pad);
  if (flags.interpolation) scaling.interpolation = flags.interpolation;
  if (flags.antialias === false) scaling.antialias = false;
  if (flags.crop) scaling.crop = flags.crop;
  if (flags.channels) scaling.channels = flags.channels;
  if (Object.keys(scaling).length === 0) return undefined;
  // A net with one input plane sees grey images, whatever the data set stores.
  if (network.nodes[network.input]!.shape.c === 1) scaling.channels ??= 'gray';
  return scaling;
}

function resizeOf(text: string): InputScalingOptions['resize'] {
  const [height, width] = sizeOf(text);
  return text.includes('x') ? { rule: 'stretch', size: [height, width] } : { rule: 'short-side', size: height };
}

function letterboxOf(text: string): InputScalingOptions['resize'] {
  return { rule: 'letterbox', size: sizeOf(text) };
}

function paddedWith(resize: InputScalingOptions['resize'], pad: number[]): InputScalingOptions['resize'] {
  if (resize?.rule === 'letterbox') return { ...resize, pad };
  throw new CascError('ERR_CASC_ARGUMENT', '--pad is for a letter-box; give --letterbox, too', { option: 'pad' });
}

function cropOf(text: string): InputScalingOptions['crop'] {
  const [height, width] = sizeOf(text);
  return { height, width };
}

function sizeOf(text: string): [number, number] {
  const match = /^([1-9]\d*)(?:x([1-9]\d*))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('Expected a size, as 224 or 224x320 (height x width).');
  return [Number(match[1]), Number(match[2] ?? match[1])];
}

/** What pixels become by default is seldom what a net was trained on: say so. */
export function noteDefaultScaling(file: string): void {
  console.error(
    `note: ${file} records no input scaling and none was given: pixels are divided by 255. If the net was trained on other input, give --mean and --std (--help)`,
  );
}

export function parseFormat(text: string | undefined): PlanFormat | undefined {
  return text as PlanFormat | undefined;
}
