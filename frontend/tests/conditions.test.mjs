import assert from "node:assert/strict";
import { test } from "node:test";

import { findGap, fitValue } from "../src/islands/conditions/leaves.ts";
import * as model from "../src/islands/conditions/model.ts";
import { layCircles, lensArea } from "../src/islands/conditions/venn.ts";

const city = (value) => ({ kind: "attribute", attribute: "city", op: "equals", value });
const print = (root) => JSON.stringify(model.printTree(root));
const cities = (node) => (node.type === "leaf" ? [node.leaf.value] : node.members.flatMap(cities));
const parse = (document) => model.parseTree(document);

/** The same numbers each time. */
function makeRandom(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

test("a document comes back as it went in", () => {
  const documents = [
    { all: [] },
    { any: [city("a"), { not: { any: [city("b"), { all: [city("c")] }] } }] },
    { not: { all: [city("a")] } },
    { all: [{ not: { kind: "segment", segment: "seg_1", not: true } }, { kind: "of tomorrow", deep: { keys: [1, null] } }] },
  ];
  for (const document of documents) assert.deepEqual(model.printTree(parse(document)), document);
});

test("everybody, a lone condition and twice not have one form", () => {
  assert.equal(print(parse({})), '{"all":[]}');
  assert.deepEqual(model.printTree(parse(city("a"))), { all: [city("a")] });
  assert.deepEqual(model.printTree(parse({ not: { not: { any: [city("a")] } } })), { any: [city("a")] });
});

test("what is no condition is refused with its place", () => {
  const refuse = (document, code, path) => assert.throws(() => parse(document), { code, path });
  refuse({ all: [city("a"), 7] }, "shape", "/all/1");
  refuse({ all: [], any: [] }, "shape", "/");
  refuse({ any: [{ not: { all: {} } }] }, "shape", "/any/0/not");
  refuse([], "shape", "/");
  let deep = city("a");
  for (let level = 0; level < 11; level += 1) deep = { all: [deep] };
  refuse(deep, "deep", `${"/all/0".repeat(10)}`);
});

test("rows move up, down, out and in", () => {
  const root = parse({ all: [city("a"), { any: [city("b"), city("c")] }, city("d")] });
  const order = (tree) => cities(tree).join("");
  assert.equal(order(model.moveUp(root, [2])), "adbc");
  assert.equal(order(model.moveDown(root, [0])), "bcad");
  assert.equal(model.moveUp(root, [0]), root);
  assert.equal(model.moveDown(root, [2]), root);
  assert.deepEqual(model.printTree(model.moveIn(root, [0])), { all: [{ any: [city("a"), city("b"), city("c")] }, city("d")] });
  assert.deepEqual(model.printTree(model.moveIn(root, [2])), { all: [city("a"), { any: [city("b"), city("c"), city("d")] }] });
  assert.deepEqual(model.printTree(model.moveOut(root, [1, 0])), { all: [city("a"), { any: [city("c")] }, city("b"), city("d")] });
  assert.equal(model.moveOut(root, [0]), root);
  assert.equal(model.moveNode(root, [1], [1, 0]), root, "a group does not go into itself");
});

test("a copy has ids of its own and its own leaf", () => {
  const root = model.duplicateNode(parse({ all: [{ any: [city("a")] }] }), [0]);
  const [first, second] = root.members;
  assert.notEqual(first.id, second.id);
  assert.notEqual(first.members[0].id, second.members[0].id);
  assert.notEqual(first.members[0].leaf, second.members[0].leaf);
  assert.equal(print(first), print(second));
});

test("wrapping and dissolving undo each other", () => {
  const root = parse({ all: [city("a"), city("b")] });
  const wrapped = model.wrapNode(root, [1]);
  assert.deepEqual(model.printTree(wrapped), { all: [city("a"), { any: [city("b")] }] });
  assert.equal(print(model.unwrapNode(wrapped, [1])), print(root));
});

test("not is said by the leaf where it can, around it else", () => {
  const root = parse({ all: [{ kind: "segment", segment: "seg_1" }, city("a")] });
  const turned = model.negate(model.negate(root, [0]), [1]);
  assert.deepEqual(model.printTree(turned), { all: [{ kind: "segment", segment: "seg_1", not: true }, { not: city("a") }] });
});

test("the last condition taken away leaves everybody", () => {
  assert.equal(print(model.removeNode(parse({ not: { any: [city("a")] } }), [0])), '{"all":[]}');
});

test("no edit nests deeper than the language allows, or loses a condition", () => {
  const random = makeRandom(7);
  for (let round = 0; round < 200; round += 1) {
    let root = parse({ all: [city("a"), { any: [city("b"), { all: [city("c"), city("d")] }] }, city("e")] });
    for (let step = 0; step < 30; step += 1) {
      const edit = [model.moveUp, model.moveDown, model.moveIn, model.moveOut, model.wrapNode, model.negate, moveAnywhere][random(7)];
      const before = cities(root).toSorted();
      root = edit(root, pickPath(root, random), random);
      assert.deepEqual(cities(root).toSorted(), before);
      assert.ok(model.measureDepth(root) <= model.MAX_DEPTH);
      assert.equal(print(parse(model.printTree(root))), print(root));
    }
  }
});

function pickPath(root, random) {
  const paths = [];
  const visit = (node, path) => {
    if (path.length) paths.push(path);
    if (node.type === "group") node.members.forEach((member, index) => visit(member, [...path, index]));
  };
  visit(root, []);
  return paths[random(paths.length)];
}

function moveAnywhere(root, path, random) {
  const target = pickPath(root, random);
  return model.moveNode(root, path, target.with(-1, target.at(-1) + random(2)));
}

test("faults are placed at the innermost row they speak of", () => {
  const root = parse({ any: [city("a"), { not: { all: [city("b")] } }] });
  const group = root.members[1];
  const placed = model.placeFaults(root, [
    { path: "/any/1/not/all/0/value", text: "value" },
    { path: "/any/1/not/all", text: "group" },
    { path: "/any/0", text: "leaf" },
    { path: "", text: "nowhere" },
  ]);
  assert.deepEqual(placed.get(group.members[0].id), ["value"]);
  assert.deepEqual(placed.get(group.id), ["group"]);
  assert.deepEqual(placed.get(root.members[0].id), ["leaf"]);
  assert.deepEqual(placed.get(0), ["nowhere"]);
});

test("a word typed is one step back, another change another", () => {
  let history = model.startHistory(parse({ all: [city("")] }));
  for (const value of ["M", "Mi", "Minsk"]) history = model.commit(history, model.setLeaf(history.present, [0], city(value)), "1.value");
  history = model.commit(history, model.negate(history.present, [0]));
  history = model.undo(history);
  assert.deepEqual(cities(history.present), ["Minsk"]);
  history = model.undo(history);
  assert.deepEqual(cities(history.present), [""]);
  assert.equal(model.undo(history).present, history.present);
  history = model.redo(model.redo(model.redo(history)));
  assert.deepEqual(model.printTree(history.present), { all: [{ not: city("Minsk") }] });
});

test("gaps name what is not filled in", () => {
  const gaps = [
    [city(""), "value"],
    [city("Minsk"), null],
    [{ kind: "attribute", attribute: "n", op: "between", value: [3, 1] }, "order"],
    [{ kind: "attribute", attribute: "n", op: "empty" }, null],
    [{ kind: "tag", op: "has_any", tags: [] }, "list"],
    [{ kind: "activity", act: "opened", times: { op: "equals", n: 0 }, period: { last_days: 0 } }, "days"],
    [{ kind: "activity", act: "opened", of: { campaign: "" } }, "choice"],
    [{ kind: "event", event: "order.placed", measures: [{ measure: "sum", op: "more", value: 1 }] }, "choice"],
    [{ kind: "event", event: "order.placed", where: [{ property: "a", op: "in", value: [] }] }, "list"],
    [{ kind: "random", percent: 100 }, "percent"],
    [{ kind: "engagement", op: "between", value: [20, 80] }, null],
    [{ kind: "engagement", op: "at_least", value: 101 }, "score"],
    [{ kind: "of tomorrow" }, null],
  ];
  for (const [leaf, gap] of gaps) assert.equal(findGap(leaf), gap, JSON.stringify(leaf));
});

test("another operator keeps of the value what fits", () => {
  assert.deepEqual(fitValue("Minsk", "equals", "in"), ["Minsk"]);
  assert.equal(fitValue(["Minsk", "Brest"], "in", "equals"), "Minsk");
  assert.deepEqual(fitValue(3, "at_least", "between"), [3, null]);
  assert.equal(fitValue("Minsk", "equals", "empty"), undefined);
  assert.deepEqual(fitValue("2026-01-01", "after", "anniversary"), [{ days: 0 }, { days: 7 }]);
  assert.equal(fitValue([{ days: 0 }, { days: 7 }], "anniversary", "after"), null);
});

test("two circles overlap as much as the numbers say", () => {
  const { one, other } = layCircles(1000, 400, 100);
  const share = lensArea(one.r, other.r, other.x - one.x) / (Math.PI * one.r ** 2);
  assert.ok(Math.abs(share - 0.1) < 0.001);
  const apart = layCircles(10, 10, 0);
  assert.ok(apart.other.x - apart.one.x > apart.one.r + apart.other.r);
});
