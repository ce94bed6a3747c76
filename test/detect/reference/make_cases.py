"""Makes coco-cases.json and voc-cases.json: generated detections and what the reference evaluators say of them.

COCO: pycocotools itself. VOC: voc_eval below, a transcription of voc_eval.py (the VOC devkit's port to Python by Bharath Hariharan,
as in py-faster-rcnn), from arrays instead of files. It sorts stably, as the devkit's own MATLAB does; numpy's default does not.

    python make_cases.py        (pycocotools 2.0.11, numpy 2.4.6)

A case is {name, seed, classes, images: [{objects, detections}]}; an object is [class, x, y, width, height, area, free] (free: crowd
in COCO, difficult in VOC), a detection [class, score, x1, y1, x2, y2]. Every case is drawn from random.Random(seed), which is the same
in all versions of Python 3.
"""
import contextlib
import io
import json
import random
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = Path(__file__).parent


# --- the reference evaluators -------------------------------------------------------------------------------------------------

def coco_reference(case):
    """The twelve figures, and AP and AP50 of each class; None for pycocotools' -1."""
    images = [{"id": i + 1, "width": 640, "height": 480} for i in range(len(case["images"]))]
    categories = [{"id": 3 * k + 1, "name": f"class {k}"} for k in range(case["classes"])]
    truths, found = [], []
    for i, image in enumerate(case["images"]):
        for k, x, y, w, h, area, crowd in image["objects"]:
            truths.append({"id": len(truths) + 1, "image_id": i + 1, "category_id": 3 * k + 1, "bbox": [x, y, w, h],
                           "area": area, "iscrowd": crowd})
        for k, score, x1, y1, x2, y2 in image["detections"]:
            found.append({"id": len(found) + 1, "image_id": i + 1, "category_id": 3 * k + 1, "bbox": [x1, y1, x2 - x1, y2 - y1],
                          "area": (x2 - x1) * (y2 - y1), "iscrowd": 0, "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        truth, result = COCO(), COCO()
        truth.dataset = {"images": images, "categories": categories, "annotations": truths}
        result.dataset = {"images": images, "categories": categories, "annotations": found}
        truth.createIndex()
        result.createIndex()
        evaluator = COCOeval(truth, result, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    precision = evaluator.eval["precision"][:, :, :, 0, 2]
    per_class = []
    for k in range(case["classes"]):
        per_class.append([number(mean_of(precision[:, :, k])), number(mean_of(precision[0, :, k]))])
    return {"figures": [number(value) for value in evaluator.stats], "classes": per_class}


def mean_of(values):
    values = values[values > -1]
    return np.mean(values) if values.size else -1


def number(value):
    return None if value == -1 else float(value)


def voc_ap(rec, prec, use_07_metric):
    if use_07_metric:
        ap = 0.0
        for t in np.arange(0.0, 1.1, 0.1):
            p = 0 if np.sum(rec >= t) == 0 else np.max(prec[rec >= t])
            ap = ap + p / 11.0
        return ap
    mrec = np.concatenate(([0.0], rec, [1.0]))
    mpre = np.concatenate(([0.0], prec, [0.0]))
    for i in range(mpre.size - 1, 0, -1):
        mpre[i - 1] = np.maximum(mpre[i - 1], mpre[i])
    i = np.where(mrec[1:] != mrec[:-1])[0]
    return np.sum((mrec[i + 1] - mrec[i]) * mpre[i + 1])


def voc_eval(class_recs, npos, image_ids, confidence, BB, ovthresh):
    """class_recs: by image {bbox, difficult, det}; boxes are pixels counted from 1, both ends within the box."""
    order = np.argsort(-confidence, kind="stable")
    BB = BB[order, :]
    image_ids = [image_ids[x] for x in order]
    nd = len(image_ids)
    tp, fp = np.zeros(nd), np.zeros(nd)
    for d in range(nd):
        R = class_recs[image_ids[d]]
        bb = BB[d, :].astype(float)
        ovmax = -np.inf
        BBGT = R["bbox"].astype(float)
        if BBGT.size > 0:
            ixmin = np.maximum(BBGT[:, 0], bb[0])
            iymin = np.maximum(BBGT[:, 1], bb[1])
            ixmax = np.minimum(BBGT[:, 2], bb[2])
            iymax = np.minimum(BBGT[:, 3], bb[3])
            iw = np.maximum(ixmax - ixmin + 1.0, 0.0)
            ih = np.maximum(iymax - iymin + 1.0, 0.0)
            inters = iw * ih
            uni = ((bb[2] - bb[0] + 1.0) * (bb[3] - bb[1] + 1.0)
                   + (BBGT[:, 2] - BBGT[:, 0] + 1.0) * (BBGT[:, 3] - BBGT[:, 1] + 1.0) - inters)
            overlaps = inters / uni
            ovmax = np.max(overlaps)
            jmax = np.argmax(overlaps)
        if ovmax > ovthresh:
            if not R["difficult"][jmax]:
                if not R["det"][jmax]:
                    tp[d] = 1.0
                    R["det"][jmax] = 1
                else:
                    fp[d] = 1.0
        else:
            fp[d] = 1.0
    fp = np.cumsum(fp)
    tp = np.cumsum(tp)
    rec = tp / float(npos)
    prec = tp / np.maximum(tp + fp, np.finfo(np.float64).eps)
    return rec, prec


def voc_reference(case, ovthresh):
    """[area, eleven-point] of each class; None where it has no object that counts."""
    per_class = []
    for k in range(case["classes"]):
        recs, ids, confidence, boxes = {}, [], [], []
        npos = 0
        for i, image in enumerate(case["images"]):
            objects = [o for o in image["objects"] if o[0] == k]
            bbox = np.array([[x + 1, y + 1, x + w, y + h] for _, x, y, w, h, _, _ in objects]).reshape(-1, 4)
            difficult = np.array([o[6] for o in objects]).astype(bool)
            recs[i] = {"bbox": bbox, "difficult": difficult, "det": [False] * len(objects)}
            npos += int(np.sum(~difficult))
            for label, score, x1, y1, x2, y2 in image["detections"]:
                if label == k:
                    ids.append(i)
                    confidence.append(score)
                    boxes.append([x1 + 1, y1 + 1, x2, y2])
        if npos == 0:
            per_class.append([None, None])
            continue
        rec, prec = voc_eval(recs, npos, ids, np.array(confidence), np.array(boxes, dtype=float).reshape(-1, 4), ovthresh)
        per_class.append([float(voc_ap(rec, prec, False)), float(voc_ap(rec, prec, True))])
    return per_class


# --- the cases ----------------------------------------------------------------------------------------------------------------

class Maker:
    """Draws one case. What a case is about overrides one of these methods or numbers."""

    images, classes, objects, noise, whole = 6, 3, (0, 5), (0, 4), False
    sizes = (8, 200)

    def __init__(self, seed):
        self.seed = seed
        self.r = random.Random(seed)

    def position(self, value):
        return round(value) if self.whole else round(value, 1)

    def box(self):
        w, h = (self.position(self.r.uniform(*self.sizes)) for _ in range(2))
        return [self.position(self.r.uniform(0, 640 - w)), self.position(self.r.uniform(0, 480 - h)), w, h]

    def label(self):
        return self.r.randrange(self.classes)

    def free(self):
        return 0

    def area(self, w, h):
        return w * h

    def object(self):
        x, y, w, h = self.box()
        return [self.label(), x, y, w, h, self.area(w, h), self.free()]

    def score(self):
        return round(self.r.random(), 3)

    def hits(self, made):
        """Detections of one object: mostly one, moved a little."""
        label, x, y, w, h, _, _ = made
        found = []
        for _ in range(self.r.choice([0, 1, 1, 1, 2])):
            dx, dy, dw, dh = (self.r.gauss(0, 0.1) for _ in range(4))
            wrong = self.r.random() < 0.1
            shown = self.label() if wrong else label
            found.append(self.detection(shown, x + dx * w, y + dy * h, w * (1 + dw), h * (1 + dh)))
        return found

    def detection(self, label, x, y, w, h):
        x, y = self.position(x), self.position(y)
        return [label, self.score(), x, y, round(x + max(self.position(w), 1), 1), round(y + max(self.position(h), 1), 1)]

    def image(self):
        objects = [self.object() for _ in range(self.r.randint(*self.objects))]
        detections = [hit for made in objects for hit in self.hits(made)]
        detections += [self.detection(self.label(), *self.box()) for _ in range(self.r.randint(*self.noise))]
        self.r.shuffle(detections)
        return {"objects": objects, "detections": detections}

    def case(self, name):
        images = [self.image() for _ in range(self.images)]
        return {"name": name, "seed": self.seed, "classes": self.classes, "images": images}


def variant(**changes):
    return type("Variant", (Maker,), changes)


def exact_overlaps(self, made):
    """Detections whose IoU is exactly 10/20, 11/20, … 20/20 of a box that is 20 wide or high."""
    label, x, y, w, h, _, _ = made
    part = self.r.randint(9, 20)
    return [[label, self.score(), x, y, x + w * part // 20, y + h]]


def twenty(self):
    return [self.r.randrange(500), self.r.randrange(400), 20 * self.r.randint(1, 3), self.r.choice([5, 10, 40])]


def edge_of_areas(self, w, h):
    return self.r.choice([1023.5, 1024, 1024.5, 9215, 9216, 9217, 0])


def class_without_objects(self):
    made = Maker.object(self)
    made[0] %= 2
    return made


def only_free_in_class_one(self):
    made = Maker.object(self)
    made[6] = int(made[0] == 1)
    return made


def at_one_place(self):
    return [100 + self.r.randrange(30), 100 + self.r.randrange(30), 40 + self.r.randrange(80), 40 + self.r.randrange(80)]


def half_empty(self):
    self.at = getattr(self, "at", 0) + 1
    image = Maker.image(self)
    if self.at % 3 == 1:
        image["objects"] = []
    if self.at % 3 == 2:
        image["detections"] = []
    return image


def without(key):
    def image(self):
        return {**Maker.image(self), key: []}
    return image


def each_box_twice(self):
    """Two objects share a box: which of them a detection takes decides whether it counts."""
    image = Maker.image(self)
    for made in list(image["objects"]):
        image["objects"].append(made[:6] + [self.r.randrange(2)])
    self.r.shuffle(image["objects"])
    return image


def perfect(self, made):
    label, x, y, w, h, _, _ = made
    return [[label, self.score(), x, y, x + w, y + h]]


def nothing_wide(self, made):
    label, x, y, w, h, _, _ = made
    return [[label, self.score(), x, y, x, y + h], [label, self.score(), x, y, x + w, y + h]]


def sometimes(share):
    return lambda self: int(self.r.random() < share)


COMMON = {
    "plain": variant(),
    "some free objects": variant(free=sometimes(0.3)),
    "mostly free objects, many detections on each": variant(free=sometimes(0.7), noise=(2, 6), box=at_one_place),
    "free objects alone in one class": variant(object=only_free_in_class_one),
    "free objects alone": variant(free=sometimes(1), images=3),
    "images without objects, images without detections": variant(image=half_empty),
    "no detection": variant(image=without("detections"), images=3),
    "no object": variant(image=without("objects"), images=3),
    "a class without objects but with detections": variant(object=class_without_objects),
    "scores with ties": variant(score=lambda self: self.r.choice([0.2, 0.5, 0.5, 0.9])),
    "all scores equal": variant(score=lambda self: 0.5),
    "ties and free objects, whole pixels": variant(score=lambda self: self.r.choice([0.3, 0.6]), free=sometimes(0.3), whole=True),
    "overlaps exactly at the thresholds": variant(box=twenty, hits=exact_overlaps, whole=True),
    "overlaps exactly at the thresholds, ties": variant(
        box=twenty, hits=exact_overlaps, whole=True, score=lambda self: self.r.choice([0.3, 0.6]), free=sometimes(0.2)),
    "objects at one place": variant(box=at_one_place, objects=(2, 6)),
    "objects at one place, some free, ties": variant(
        box=at_one_place, objects=(2, 6), free=sometimes(0.4), score=lambda self: self.r.choice([0.3, 0.6])),
    "found without fault": variant(hits=perfect, noise=(0, 0), whole=True),
    "detections of no width": variant(hits=nothing_wide, whole=True, images=4),
    "one image, one class": variant(images=1, classes=1, objects=(5, 5)),
    "many classes, few objects": variant(images=5, classes=12, objects=(1, 3)),
    "each box twice, some free": variant(image=each_box_twice, free=sometimes(0.5), whole=True),
    "no class has both": variant(
        object=class_without_objects, hits=lambda self, made: [[2, 0.5, 0, 0, 9, 9]], images=3, noise=(0, 0)),
}

COCO_ONLY = {
    "small objects": variant(sizes=(4, 30)),
    "medium objects": variant(sizes=(33, 95)),
    "large objects": variant(sizes=(100, 300)),
    "areas at the edges of their ranges": variant(area=edge_of_areas, sizes=(28, 100)),
    "areas of segments, smaller than the boxes": variant(
        area=lambda self, w, h: round(w * h * self.r.uniform(0.2, 1), 2), sizes=(20, 150)),
    "areas of segments and crowds": variant(area=lambda self, w, h: round(w * h * 0.6, 2), free=sometimes(0.3), sizes=(20, 150)),
    "more than ten detections of a class": variant(classes=1, images=3, objects=(8, 15), noise=(5, 10)),
    "more than a hundred detections of a class": variant(classes=1, images=2, objects=(3, 6), noise=(110, 120), whole=True),
    "all areas, crowds and ties": variant(
        images=8, sizes=(5, 250), free=sometimes(0.2), score=lambda self: round(self.r.random(), 1)),
}


def cases(makers, first_seed):
    return [maker(first_seed + i).case(name) for i, (name, maker) in enumerate(makers.items())]


def write(name, content):
    # One line a case: readable differences, small files.
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in content)
    (HERE / name).write_text(f"[\n{lines}\n]\n")


def main():
    coco = [{**case, "expected": coco_reference(case)} for case in cases({**COMMON, **COCO_ONLY}, 1000)]
    voc = [{**case, "expected": [{"iou": iou, "classes": voc_reference(case, iou)} for iou in (0.5, 0.75)]}
           for case in cases(COMMON, 2000)]
    write("coco-cases.json", coco)
    write("voc-cases.json", voc)


main()
