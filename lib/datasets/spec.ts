/** What the command line writes as `<data>`: `kind:path[#split]`. */
import { argumentError, CascError } from '../errors';

/** Kinds of data set this version reads. */
export const dataKinds = ['cifar10', 'cifar100', 'mnist', 'imagenet', 'coco', 'voc'] as const;

/** Kinds the design knows but this version does not read. */
const laterKinds: readonly string[] = ['ag-news'];

export type DataKind = (typeof dataKinds)[number];

export interface DataSpec {
  readonly kind: DataKind;
  readonly path: string;
  /** `test` or `train`; for imagenet a subfolder or a label file; for coco and voc any that is there. Null where none was given. */
  readonly split: string | null;
}

/**
 * Takes `kind:path[#split]` apart. The kind ends at the first `:`, so paths may hold colons and drive letters. The split
 * begins after the last `#`, unless a path separator follows it; a path that ends in `#name` is written with one more `#`.
 *
 * @throws CascError ERR_CASC_ARGUMENT for a wrong form or an unknown kind, ERR_CASC_UNSUPPORTED for a kind not read yet.
 *
 * @example
 * parseDataSpec('cifar10:data/cifar-10-batches-bin#train'); // { kind: 'cifar10', path: 'data/…', split: 'train' }
 */
export function parseDataSpec(text: string): DataSpec {
  const form = 'kind:path[#split], for example cifar10:data/cifar-10-batches-bin#test,';
  if (typeof text !== 'string') throw argumentError('data', form, text);
  const colon = text.indexOf(':');
  if (colon < 1) throw argumentError('data', form, text);
  const kind = text.slice(0, colon);
  if (laterKinds.includes(kind)) {
    throw new CascError(
      'ERR_CASC_UNSUPPORTED',
      `data sets of kind ${kind} are not in this version; kinds it reads: ${dataKinds.join(', ')}`,
      { option: 'data' },
    );
  }
  if (!isDataKind(kind)) {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `unknown kind of data set ${JSON.stringify(kind)} in ${JSON.stringify(text)}; write kind:path[#split] with one of the kinds ${dataKinds.join(', ')}`,
      { option: 'data' },
    );
  }
  const rest = text.slice(colon + 1);
  const hash = rest.lastIndexOf('#');
  const hasSplit = hash >= 0 && !/[/\\]/.test(rest.slice(hash));
  const path = hasSplit ? rest.slice(0, hash) : rest;
  if (path === '') throw argumentError('data', `a path after ${kind}:`, text);
  return { kind, path, split: (hasSplit && rest.slice(hash + 1)) || null };
}

function isDataKind(kind: string): kind is DataKind {
  return (dataKinds as readonly string[]).includes(kind);
}
