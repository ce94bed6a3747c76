/** Tensor data that lies beside the model file. Nothing outside the model's folder is ever read. */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { CascError, messageOf } from '../errors';
import type { GraphProto, ModelProto, TensorProto } from './types';

/** All tensors of a model, those in attributes and subgraphs too. */
function* tensorsOf(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer ?? [];
  for (const node of graph.node ?? []) {
    for (const attribute of node.attribute ?? []) {
      if (attribute.t) yield attribute.t;
      yield* attribute.tensors ?? [];
      if (attribute.g) yield* tensorsOf(attribute.g);
      for (const inner of attribute.graphs ?? []) yield* tensorsOf(inner);
    }
  }
}

/**
 * Reads external data into `rawData` of the tensors that have it and hands each piece to `seen` (for the hash).
 * Throws ERR_CASC_MODEL for a location outside the folder (absolute, "..", or through a symbolic link) and for offsets
 * or lengths that the file does not have, ERR_CASC_FILE for a data file that is missing or unreadable.
 */
export function loadExternalData(
  model: ModelProto,
  place: { file: string; folder: string | undefined },
  seen: (bytes: Uint8Array) => void,
): void {
  for (const tensor of tensorsOf(model.graph ?? {})) {
    if (tensor.dataLocation !== 1) continue;
    tensor.rawData = readPiece(tensor, place.file, place.folder);
    tensor.dataLocation = undefined;
    tensor.externalData = [];
    seen(tensor.rawData);
  }
}

function readPiece(tensor: TensorProto, file: string, folder: string | undefined): Uint8Array {
  const where = { file, tensor: tensor.name ?? '' };
  const fail = (what: string, code: 'ERR_CASC_MODEL' | 'ERR_CASC_FILE' = 'ERR_CASC_MODEL'): CascError =>
    new CascError(code, `${file}: external data of tensor "${where.tensor}" ${what}`, where);
  const entry = (key: string) => tensor.externalData?.find((pair) => pair.key === key)?.value;
  const natural = (key: string): number | undefined => {
    const text = entry(key);
    if (text === undefined || text === '') return undefined;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) throw fail(`has ${key} "${text}"; expected a natural number.`);
    return value;
  };
  const location = entry('location');
  if (!location) throw fail('names no location.');
  if (folder === undefined)
    throw fail(`lies in "${location}", but the model was read from memory. Read it by its path.`);
  const outside = () => fail(`lies in "${location}", which is outside the model's folder. Move it beside the model.`);
  if (location.includes('\0') || isAbsolute(location) || /^[A-Za-z]:/.test(location)) throw outside();
  if (location.split(/[\\/]/).includes('..')) throw outside();
  let path: string;
  try {
    const home = realpathSync(folder);
    path = realpathSync(resolve(home, location));
    const way = relative(home, path);
    if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)) throw outside();
  } catch (error) {
    if (error instanceof CascError) throw error;
    throw fail(
      `lies in "${location}", which cannot be read (${messageOf(error)}). Keep it beside the model.`,
      'ERR_CASC_FILE',
    );
  }
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw fail(`lies in "${location}", which cannot be opened (${messageOf(error)}).`, 'ERR_CASC_FILE');
  }
  try {
    const state = fstatSync(descriptor);
    if (!state.isFile()) throw fail(`lies in "${location}", which is not a file.`);
    const offset = natural('offset') ?? 0;
    const length = natural('length') ?? state.size - offset;
    if (length < 0 || offset + length > state.size) {
      throw fail(`takes bytes ${offset} to ${offset + length} of "${location}", which has ${state.size}. Is it whole?`);
    }
    return readAll(descriptor, offset, length);
  } finally {
    closeSync(descriptor);
  }
}

function readAll(descriptor: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const got = readSync(descriptor, bytes, done, Math.min(length - done, 1 << 30), offset + done);
    if (got === 0) break;
    done += got;
  }
  return bytes;
}
