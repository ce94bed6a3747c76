/** One annotation file of Pascal VOC: XML to ground truth. */
import { DOMParser, type Element, onErrorStopParsing, ParseError } from '@xmldom/xmldom';
import { CascError } from '../errors';
import { readText } from './annotated';
import type { ImageTruth, TruthObject } from './ground-truth';

/**
 * VOC's boxes are pixels counted from 1, both ends within the box: x = xmin − 1, width = xmax − xmin + 1.
 *
 * @param labels class index by name
 * @throws CascError ERR_CASC_FILE; ERR_CASC_DATA, with the line, where the file is no XML, or an entry is missing, no number,
 * of an unknown class or of negative size.
 */
export async function readVocFile(file: string, id: string, labels: ReadonlyMap<string, number>): Promise<ImageTruth> {
  const reader = new Reader(file, id);
  const annotation = reader.parse(await readText(file));
  const size = reader.child(annotation, 'size');
  const objects = children(annotation, 'object').map((object): TruthObject => {
    const name = reader.text(object, 'name');
    const label = labels.get(name);
    if (label === undefined) {
      throw reader.error(object, `the class ${JSON.stringify(name)} is none of ${[...labels.keys()].join(', ')}`);
    }
    const box = reader.child(object, 'bndbox');
    const [left, top, right, bottom] = ['xmin', 'ymin', 'xmax', 'ymax'].map((side) => reader.number(box, side));
    const [width, height] = [right! - left! + 1, bottom! - top! + 1];
    if (width <= 0 || height <= 0) {
      throw reader.error(box, `the box is ${width}x${height} (width x height); xmin and ymin come first`);
    }
    const difficult = children(object, 'difficult').some((mark) => mark.textContent?.trim() === '1');
    return { label, box: [left! - 1, top! - 1, width, height], area: width * height, crowd: false, difficult };
  });
  const [width, height] = [reader.number(size, 'width'), reader.number(size, 'height')];
  if (!(width > 0 && height > 0)) throw reader.error(size, `the image is ${width}x${height} (width x height)`);
  return { id, width, height, objects };
}

/** Reads entries, and names file, line and image where one is wrong. */
class Reader {
  constructor(
    private readonly file: string,
    private readonly id: string,
  ) {}

  parse(text: string): Element {
    let root: Element | null;
    try {
      root = new DOMParser({ onError: onErrorStopParsing }).parseFromString(text, 'text/xml').documentElement;
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      throw this.error(error.locator, `it is not XML: ${error.message}`, error);
    }
    if (root?.tagName !== 'annotation') throw this.error(root, `its root is <${root?.tagName}>, not <annotation>`);
    return root;
  }

  child(parent: Element, name: string): Element {
    const [first] = children(parent, name);
    if (first) return first;
    throw this.error(parent, `<${parent.tagName}> has no <${name}>`);
  }

  text(parent: Element, name: string): string {
    return this.child(parent, name).textContent?.trim() ?? '';
  }

  number(parent: Element, name: string): number {
    const text = this.text(parent, name);
    if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
    throw this.error(this.child(parent, name), `<${name}> is ${JSON.stringify(text)}; expected a number`);
  }

  error(at: { lineNumber?: number } | null, problem: string, cause?: unknown): CascError {
    const line = at?.lineNumber ? ` line ${at.lineNumber}:` : '';
    return new CascError(
      'ERR_CASC_DATA',
      `${this.file}:${line} ${problem}; expected an annotation of Pascal VOC (image ${this.id})`,
      { file: this.file, image: this.id },
      { cause },
    );
  }
}

/** Direct children of that name: parts within an object have boxes of their own. */
function children(parent: Element, name: string): Element[] {
  return [...parent.childNodes].filter((node): node is Element => node.nodeName === name);
}
