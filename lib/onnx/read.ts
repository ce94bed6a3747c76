/** An ONNX file to a checked, decoded model. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CascError, messageOf } from '../errors';
import { loadExternalData } from './external';
import { decodeModel } from './schema';
import type { ModelProto, OnnxModel } from './types';

const OLDEST_OPSET = 9;
const NEWEST_OPSET = 21;

/**
 * Reads and decodes an ONNX file with its external data.
 * Throws ERR_CASC_FILE where the file cannot be read, ERR_CASC_MODEL where it is no ONNX model of opset 9 to 21.
 */
export async function readModel(path: string): Promise<OnnxModel> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new CascError(
      'ERR_CASC_FILE',
      `${path}: cannot read the model: ${messageOf(error)}. Check the path.`,
      { file: path },
      { cause: error },
    );
  }
  return parseModel(bytes, { file: path, folder: dirname(path) });
}

/**
 * Decodes a model from bytes. `file` is what messages call it; external data is looked for in `folder` and refused
 * without one. Throws as readModel does.
 */
export function parseModel(bytes: Uint8Array, place: { file: string; folder?: string }): OnnxModel {
  const { file } = place;
  const fail = (what: string, cause?: unknown): CascError =>
    new CascError('ERR_CASC_MODEL', `${file}: ${what}`, { file }, { cause });
  if (bytes.length === 0) throw fail('the file is empty; expected an ONNX model.');
  let proto: ModelProto;
  try {
    proto = decodeModel(bytes);
  } catch (error) {
    throw fail(`not an ONNX model, or cut off (${messageOf(error)}). Export or copy it again.`, error);
  }
  const graph = proto.graph;
  if (!graph) throw fail('not an ONNX model: it holds no graph. Export or copy it again.');
  const opset = proto.opsetImport?.find((entry) => !entry.domain || entry.domain === 'ai.onnx')?.version;
  if (opset === undefined)
    throw fail('the model names no opset of the default domain. It may be cut off: copy it again.');
  if (!(opset >= OLDEST_OPSET && opset <= NEWEST_OPSET)) {
    throw fail(
      `opset ${opset}; expected ${OLDEST_OPSET} to ${NEWEST_OPSET}. Export the net again with opset_version=17.`,
    );
  }
  const hash = createHash('sha256').update(bytes);
  loadExternalData(proto, { file, folder: place.folder }, (piece) => hash.update(piece));
  return { file, hash: hash.digest('hex'), opset, proto: { ...proto, graph } };
}
