// The page: loads the model with LiteRT.js, compares its outputs with the stored ones, times it, shows and hands back.

import { loadAndCompile, loadLiteRt, Tensor, unloadLiteRt } from "@litertjs/core";
import { callsPerSample, clockStep, compared, decoded, percentile, repetitions } from "./measure.js";

const SAMPLES = 200;
const WARM_UP = 20;
// Between so many samples the page is drawn.
const ROUND = 20;

const at = (id) => document.getElementById(id);
const say = (text) => { at("status").textContent = text; };
const drawn = () => new Promise((resolve) => setTimeout(resolve, 0));

async function fetched(name) {
  const response = await fetch(name, { cache: "no-store" });
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return response;
}

/** Runs one picture and returns the bytes of the first output. */
async function answer(model, picture, shape) {
  const input = new Tensor(picture, shape);
  const outputs = await model.run([input]);
  const bytes = outputs[0].toTypedArray();
  outputs.forEach((output) => output.delete());
  input.delete();
  return bytes;
}

/** Returns the microseconds a call, `count` samples of `calls` calls each. */
async function timed(model, input, count, calls, threads) {
  const samples = [];
  while (samples.length < count) {
    for (let number = Math.min(ROUND, count - samples.length); number > 0; number--) {
      const began = performance.now();
      for (let call = 0; call < calls; call++) {
        const outputs = await model.run([input]);
        outputs.forEach((output) => output.delete());
      }
      samples.push(((performance.now() - began) * 1000) / calls);
    }
    say(`threads ${threads}: ${samples.length} of ${count} samples`);
    await drawn();
  }
  return samples;
}

/** Loads LiteRT.js with some threads, compares and times. */
async function measured(content, examples, threads, clock) {
  say(`threads ${threads}: loading LiteRT.js`);
  await loadLiteRt("litert/wasm/", { threads: threads > 1 });
  try {
    const model = await loadAndCompile(content, { accelerator: "wasm", cpuOptions: { numThreads: threads } });
    const answers = [];
    for (const picture of examples.pictures) answers.push(await answer(model, picture, examples.shape));
    const input = new Tensor(examples.pictures[0], examples.shape);
    const rough = percentile(await timed(model, input, 1, WARM_UP, threads), 0.5);
    const calls = callsPerSample(rough, clock);
    const samples = await timed(model, input, repetitions(location.search, SAMPLES), calls, threads);
    input.delete();
    model.delete();
    const row = {
      model: "model",
      type: examples.type,
      bytes: content.length,
      threads,
      kernel: "LiteRT.js wasm",
      p50_us: percentile(samples, 0.5),
      p90_us: percentile(samples, 0.9),
      p99_us: percentile(samples, 0.99),
      samples: samples.length,
      calls_per_sample: calls,
      ...compared(examples.outputs, answers),
    };
    return { row, answers };
  } finally {
    unloadLiteRt();
  }
}

/** Returns the numbers of threads to time: one, and all where the browser lets this page have some. */
function threadCounts(notes) {
  const cores = navigator.hardwareConcurrency ?? 1;
  if (self.crossOriginIsolated) return cores > 1 ? [1, cores] : [1];
  notes.push(
    self.isSecureContext
      ? "one thread only: this server doesn't isolate the page (tfqnoise serve does)"
      : "one thread only: browsers give threads to pages from localhost or by https",
  );
  return [1];
}

async function measure() {
  const examples = await (await fetched("examples.json")).json();
  for (const name of ["pictures", "outputs"]) examples[name] = examples[name].map(decoded);
  const content = new Uint8Array(await (await fetched("model.tflite")).arrayBuffer());
  const clock = clockStep(() => performance.now()) * 1000;
  const notes = [];
  const rows = [];
  let answers = [];
  for (const threads of threadCounts(notes)) {
    try {
      const found = await measured(content, examples, threads, clock);
      rows.push(found.row);
      answers = found.answers;
    } catch (error) {
      if (threads === 1) throw error;
      notes.push(`threads ${threads}: ${error.message ?? error}`.slice(0, 300));
    }
    show(rows, examples, answers, notes);
  }
  return {
    target: "browser",
    rows,
    outputs: examples.outputs.length,
    bit_equal: Math.min(...rows.map((row) => row.bit_equal)),
    sha256: examples.sha256,
    versions: examples.versions,
    user_agent: navigator.userAgent,
    cross_origin_isolated: Boolean(self.crossOriginIsolated),
    clock_step_us: clock,
    notes,
    machine: { processor: navigator.platform || "unknown", cores: navigator.hardwareConcurrency ?? 1 },
    measured: new Date().toISOString(),
  };
}

function cell(row, text, kind = "td") {
  row.appendChild(document.createElement(kind)).textContent = text;
}

/** Shows what has been measured so far. */
function show(rows, examples, answers, notes) {
  const table = at("rows");
  table.replaceChildren();
  const head = table.insertRow();
  for (const name of ["threads", "median µs", "p90", "p99", "samples", "bit-equal"]) cell(head, name, "th");
  for (const row of rows) {
    const line = table.insertRow();
    const times = [row.p50_us, row.p90_us, row.p99_us].map((value) => value.toFixed(0));
    const samples = row.calls_per_sample > 1 ? `${row.samples} × ${row.calls_per_sample} calls` : `${row.samples}`;
    for (const text of [row.threads, ...times, samples]) cell(line, text);
    cell(line, `${row.bit_equal} of ${row.outputs}`);
    line.lastChild.className = row.bit_equal === row.outputs ? "same" : "other";
  }
  at("notes").replaceChildren();
  for (const note of notes) at("notes").appendChild(document.createElement("li")).textContent = note;
  at("pictures").replaceChildren(...examples.pictures.map((_, number) => figure(examples, answers, number)));
}

/** Returns a picture with what the model says of it; red where the output isn't the stored one. */
function figure(examples, answers, number) {
  const [, height, width, channels] = examples.shape;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const pixels = new ImageData(width, height);
  const bytes = examples.pictures[number];
  for (let place = 0; place < width * height; place++) {
    for (let colour = 0; colour < 3; colour++) {
      pixels.data[4 * place + colour] = bytes[channels * place + Math.min(colour, channels - 1)];
    }
    pixels.data[4 * place + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const whole = document.createElement("figure");
  const output = answers[number];
  const same = compared([examples.outputs[number]], [output]).bit_equal === 1;
  whole.className = same ? "same" : "other";
  whole.append(canvas);
  const label = examples.labels[output.indexOf(Math.max(...output))];
  if (label !== undefined) whole.appendChild(document.createElement("figcaption")).textContent = label;
  return whole;
}

/** Hands something to the server that gave this page; says whether it was taken. */
async function handBack(content) {
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch("result", { method: "POST", headers, body: JSON.stringify(content) });
    return response.ok ? "handed to tfqnoise" : `refused by the server: ${(await response.text()).slice(0, 300)}`;
  } catch {
    return "not handed back: no tfqnoise is listening";
  }
}

try {
  at("agent").textContent = navigator.userAgent;
  const result = await measure();
  const text = JSON.stringify(result, null, 2);
  at("download").href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  at("download").hidden = false;
  say(`${result.bit_equal} of ${result.outputs} outputs are the same as Python's, bit by bit`);
  at("handed").textContent = await handBack(result);
} catch (error) {
  const text = String(error?.message ?? error).slice(0, 1000);
  say(`failed: ${text}`);
  await handBack({ error: text });
}
