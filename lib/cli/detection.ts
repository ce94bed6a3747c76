/** Options of `casc evaluate` for detectors, and that which `casc quantize` shares. */
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CascError, type Decoder, type DecoderOptions, type DetectionOptions, decoders } from '..';
import { messageOf } from '../errors';

export interface DetectionFlags {
  decoder?: string;
  clipBoxes?: boolean;
  score?: number;
  iou?: number;
  at?: number[];
}

export function addDetection(command: Command): Command {
  return command
    .optionsGroup('Detectors (data of kind coco or voc):')
    .addOption(decoderOption('what the outputs mean (default: what the file records)'))
    .option('--score <s>', "keep scores above (default: the decoder's, 0.001)", share)
    .option('--iou <s>', "suppress boxes that overlap a better one more (default: the decoder's)", share)
    .option('--clip-boxes', 'cut boxes off at the edge of the image')
    .option('--at <steps>', 'average precision after these steps, too, as 8,16,24', steps);
}

export function decoderOption(text: string): Option {
  return new Option('--decoder <name|file.json>', `${text}: ${Object.keys(decoders).join(', ')}, or a description`);
}

/**
 * `recorded`: the decoder that the net's file has. Undefined where neither it nor the flags are for a detector. Throws
 * ERR_CASC_ARGUMENT, ERR_CASC_FILE.
 */
export async function detectionOf(
  flags: DetectionFlags,
  recorded: Decoder | undefined,
): Promise<DetectionOptions | undefined> {
  const { decoder: name, score, iou, clipBoxes, at } = flags;
  const decoder = name === undefined ? recorded : await decoderOf(name);
  if (!decoder) {
    const other = (['score', 'iou', 'clipBoxes', 'at'] as const).find((flag) => flags[flag] !== undefined);
    if (other === undefined) return undefined;
    const flag = other === 'clipBoxes' ? 'clip-boxes' : other;
    throw new CascError('ERR_CASC_ARGUMENT', `--${flag} is for a detector; give its --decoder, too`, { option: flag });
  }
  return {
    decoder: {
      ...decoder,
      ...(score === undefined ? {} : { threshold: score }),
      ...(iou === undefined ? {} : { iou }),
      ...(clipBoxes ? { clip: 'image' as const } : {}),
    },
    at,
  };
}

/** What is in a file is checked with all the rest, by parseDecoder. */
export async function decoderOf(name: string): Promise<DecoderOptions> {
  if (Object.hasOwn(decoders, name)) return decoders[name as keyof typeof decoders];
  const place = { option: 'decoder', file: name };
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch (error) {
    const known = Object.keys(decoders).join(', ');
    const problem = `--decoder ${name} is neither one of ${known} nor a file that can be read: ${messageOf(error)}`;
    throw new CascError('ERR_CASC_FILE', problem, place, { cause: error });
  }
  try {
    return JSON.parse(text) as DecoderOptions;
  } catch (error) {
    throw new CascError('ERR_CASC_ARGUMENT', `${name} is no JSON: ${messageOf(error)}`, place, { cause: error });
  }
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Expected a number from 0 to 1.');
}

function steps(text: string): number[] {
  const values = text.split(',').map((each) => each.trim());
  if (values.every((each) => /^[1-9]\d*$/.test(each))) return values.map(Number);
  throw new InvalidArgumentError('Expected whole numbers of steps, as 8,16,24.');
}
