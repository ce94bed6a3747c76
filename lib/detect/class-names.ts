/** Names of classes, and which classes of two data sets are the same. */
import { CascError } from '../errors';

/** COCO's 80 classes, by rising category id. */
export const cocoClasses: readonly string[] = [
  'person',
  'bicycle',
  'car',
  'motorcycle',
  'airplane',
  'bus',
  'train',
  'truck',
  'boat',
  'traffic light',
  'fire hydrant',
  'stop sign',
  'parking meter',
  'bench',
  'bird',
  'cat',
  'dog',
  'horse',
  'sheep',
  'cow',
  'elephant',
  'bear',
  'zebra',
  'giraffe',
  'backpack',
  'umbrella',
  'handbag',
  'tie',
  'suitcase',
  'frisbee',
  'skis',
  'snowboard',
  'sports ball',
  'kite',
  'baseball bat',
  'baseball glove',
  'skateboard',
  'surfboard',
  'tennis racket',
  'bottle',
  'wine glass',
  'cup',
  'fork',
  'knife',
  'spoon',
  'bowl',
  'banana',
  'apple',
  'sandwich',
  'orange',
  'broccoli',
  'carrot',
  'hot dog',
  'pizza',
  'donut',
  'cake',
  'chair',
  'couch',
  'potted plant',
  'bed',
  'dining table',
  'toilet',
  'tv',
  'laptop',
  'mouse',
  'remote',
  'keyboard',
  'cell phone',
  'microwave',
  'oven',
  'toaster',
  'sink',
  'refrigerator',
  'book',
  'clock',
  'vase',
  'scissors',
  'teddy bear',
  'hair drier',
  'toothbrush',
];

/** VOC's names of COCO's classes, where they differ. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['airplane', 'aeroplane'],
  ['motorcycle', 'motorbike'],
  ['couch', 'sofa'],
  ['potted plant', 'pottedplant'],
  ['dining table', 'diningtable'],
  ['tv', 'tvmonitor'],
]);

export interface ClassMap {
  /** For each class of the network its class in the data set, or null: predictions of it are dropped. */
  readonly labels: readonly (number | null)[];
  /** Classes of the network that the data set has not. */
  readonly dropped: readonly string[];
  /** Classes of the data set that the network has not: it cannot find them. */
  readonly unknown: readonly string[];
}

/**
 * Puts a network's classes beside a data set's, by name; COCO's and VOC's names of one thing are the same.
 *
 * @example
 * const voc = await openDataset('voc:VOCdevkit/VOC2007');
 * const { labels } = mapClasses(cocoClasses, voc.classNames); // labels[0], of person, is 14
 * @throws CascError ERR_CASC_DATA where they share no class.
 */
export function mapClasses(network: readonly string[], data: readonly string[]): ClassMap {
  const canonical = (name: string) => synonyms.get(name) ?? name;
  const indices = new Map(data.map((name, label) => [canonical(name), label]));
  const labels = network.map((name) => indices.get(canonical(name)) ?? null);
  const known = new Set(network.map(canonical));
  const dropped = network.filter((_, at) => labels[at] === null);
  if (dropped.length === network.length) {
    throw new CascError(
      'ERR_CASC_DATA',
      `none of the network's classes (${network.slice(0, 5).join(', ')}, …) is one of the data set's (${data.slice(0, 5).join(', ')}, …); give the decoder the names that the data set has`,
    );
  }
  return { labels, dropped, unknown: data.filter((name) => !known.has(canonical(name))) };
}
