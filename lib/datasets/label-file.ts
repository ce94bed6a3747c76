/** The label file of a flat folder of images. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CascError } from '../errors';
import { onFile } from './file-error';

/**
 * Labels of `names` (sorted), in their order. The file has either one line `filename label` for each image, or one label a
 * line for the images in sorted order. Labels are zero-based class indices; empty lines do not count.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA for lines of neither form, a wrong number of them, an image without a label
 * or with two, ERR_CASC_IMAGE for a label without an image.
 */
export async function readLabelFile(file: string, folder: string, names: readonly string[]): Promise<number[]> {
  const text = await onFile(file, (path) => readFile(path, 'utf8'));
  const lines = text
    .split('\n')
    .map((line, index) => ({ number: index + 1, text: line.trim() }))
    .filter((line) => line.text !== '');
  const fail = (problem: string) => new CascError('ERR_CASC_DATA', `${file}: ${problem}`, { file });
  if (lines.length > 0 && lines.every((line) => /^\d+$/.test(line.text))) {
    if (lines.length !== names.length) {
      throw fail(
        `${lines.length} labels for the ${names.length} images of ${folder}; expected one a line for each image in sorted order`,
      );
    }
    return lines.map((line) => Number(line.text));
  }
  const labels = new Map<string, number>();
  for (const line of lines) {
    const [, name, label] = /^(.+?)\s+(\d+)$/.exec(line.text) ?? [];
    if (name === undefined) {
      throw fail(
        `line ${line.number} is ${JSON.stringify(line.text.slice(0, 80))}; expected "filename label", or one label a line throughout (zero-based class indices)`,
      );
    }
    if (labels.has(name)) throw fail(`line ${line.number} labels ${name} a second time; remove one of the lines`);
    labels.set(name, Number(label));
  }
  const known = new Set(names);
  for (const name of labels.keys()) {
    if (known.has(name)) continue;
    throw new CascError(
      'ERR_CASC_IMAGE',
      `${join(folder, name)} does not exist or is no .jpg, .jpeg, .png or .webp, but ${file} has a label for it; add the image or remove the line`,
      { file, image: name },
    );
  }
  return names.map((name) => {
    const label = labels.get(name);
    if (label === undefined) throw fail(`image ${name} of ${folder} has no line; add its label or remove the image`);
    return label;
  });
}
