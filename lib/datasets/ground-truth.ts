/** What a detection data set knows about its images: the objects in them, and where they are. */

/** One annotated object. */
export interface TruthObject {
  /** Class index: position in the categories. */
  readonly label: number;
  /** In pixels: left, top, width and height; the image's upper left corner is (0, 0). */
  readonly box: readonly [x: number, y: number, width: number, height: number];
  /** By which COCO sorts objects into small, medium and large: of the segmentation where there is one, else of the box. */
  readonly area: number;
  /** COCO: a region with many objects. It takes any number of detections, which count neither as right nor as wrong. */
  readonly crowd: boolean;
  /** VOC: hard to recognise. Neither found nor missed counts. */
  readonly difficult: boolean;
}

/** One image and its objects; none is legitimate. */
export interface ImageTruth {
  /** As in the batches. */
  readonly id: string;
  /** In pixels, as annotated; a file of another size is refused when it is decoded. */
  readonly width: number;
  readonly height: number;
  readonly objects: readonly TruthObject[];
}

export interface Category {
  /** The data set's own number: COCO's category id (with gaps); VOC counts its classes from 1. */
  readonly id: number;
  readonly name: string;
}

/** Ground truth of a data set. */
export interface GroundTruth {
  /** In class order: by rising id. */
  readonly categories: readonly Category[];
  /** In the order of the batches. */
  readonly images: readonly ImageTruth[];
}
