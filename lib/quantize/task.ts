/** What the file says of the net's task: a reader then need not be told what its outputs mean. */
import type { Dataset } from '../datasets';
import { checkDecoder, parseDecoder } from '../detect';
import { classCount } from '../graph';
import type { Network } from '../graph/network';
import type { QuantizeOptions } from './index';
import type { NetworkMetadata } from './metadata';

type TaskOptions = Pick<QuantizeOptions, 'calibration' | 'decoder' | 'classNames'>;
type Task = Pick<NetworkMetadata, 'task' | 'decoder' | 'classes'>;

/**
 * A net is a detector where a decoder is given, or where it gives maps and was calibrated on images of kind coco or voc; what
 * `recorded` says of a net that came quantised holds unless the options say otherwise.
 * Throws ERR_CASC_ARGUMENT, ERR_CASC_SHAPE for a decoder that is not the net's.
 */
export function taskOf(network: Network, options: TaskOptions, recorded: Task = {}): Task {
  const decoder = decoderOf(network, options);
  const classes = classCount(network);
  const task = decoder ? 'detection' : (recorded.task ?? guessed(classes, options.calibration));
  const names = options.calibration?.classNames ?? undefined;
  return {
    task,
    decoder: decoder ?? recorded.decoder,
    // Other data than the net's have other classes: those of a detector only its decoder knows.
    classes: copied(
      options.classNames ??
        decoder?.classNames ??
        recorded.classes ??
        (task === 'classification' && names?.length === classes ? names : undefined),
    ),
  };
}

function decoderOf(network: Network, { decoder, classNames }: TaskOptions): NetworkMetadata['decoder'] {
  if (!decoder) return undefined;
  const parsed = parseDecoder({ ...decoder, classNames: classNames ?? decoder.classNames });
  checkDecoder(parsed, network);
  return parsed;
}

function guessed(classes: number | undefined, calibration: Dataset | undefined): Task['task'] {
  if (classes !== undefined) return 'classification';
  return calibration?.kind === 'coco' || calibration?.kind === 'voc' ? 'detection' : undefined;
}

const copied = (names: readonly string[] | undefined) => names && [...names];
