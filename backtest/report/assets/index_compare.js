/* Comparison of the ticked runs, drawn from the thinned NAV in the data file. */
"use strict";

const colours = ["strategy", "second", "third", "fourth", "fifth", "sixth", "seventh"];
const dashes = ["", "6 4", "2 3", "7 3 2 3"];
const isoDay = (day) => new Date(day * 864e5).toISOString().slice(0, 10);
const dayOf = (text) => Date.parse(text) / 864e5;
const fixed = (value, digits) => (Number.isFinite(value) ? value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }) : "–");

function draw(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/* Names made distinct by the fingerprint, then by a number. */
function distinctNames(chosen) {
  const names = chosen.map((run) => run.name);
  const told = chosen.map((run) => (names.filter((name) => name === run.name).length > 1 ? `${run.name} ${run.record.fingerprint.slice(0, 8)}` : run.name));
  return told.map((name, at) => (told.filter((other) => other === name).length > 1 ? `${name} (${told.slice(0, at).filter((other) => other === name).length + 1})` : name));
}

/* Lines rebased to 100: at the start where all runs start on one day, else on the first day that all have. */
function linesOf(chosen, names) {
  const lines = chosen.map(({ record }, at) => {
    const days = [dayOf(record.first) - 1, ...data.dates[record.dates].map(dayOf)];
    return { name: names[at], colour: `var(--${colours[at % colours.length]})`, dash: dashes[Math.floor(at / colours.length) % dashes.length], days, levels: [1, ...record.levels], falls: [0, ...record.falls] };
  });
  const start = Math.max(...lines.map((line) => line.days[0]));
  const isOneStart = lines.every((line) => line.days[0] === start);
  const overlap = start < Math.min(...lines.map((line) => line.days.at(-1)));
  const base = overlap && !isOneStart ? Math.max(...lines.map((line) => line.days.find((day) => day > start) ?? start)) : null;
  for (const line of lines) {
    const level = base === null ? 1 : line.levels[lastAt(line, base)];
    line.nav = line.levels.map((value) => (value === null || !(level > 0) ? null : 100 * value / level));
  }
  return { lines, where: base === null ? (isOneStart ? "at the start" : "at each run's own start: the runs have no day in common") : `on ${isoDay(base)}, the first day that all runs have` };
}

/* Place of a line's last point on or before a day; -1 where there is none. */
function lastAt(line, day) {
  let low = 0, high = line.days.length;
  while (low < high) { const middle = (low + high) >> 1; if (line.days[middle] <= day) low = middle + 1; else high = middle; }
  return low - 1;
}

function ticksBetween(low, high, most) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((unit) => unit * power).find((unit) => unit >= rough) ?? 10 * power;
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at++) found.push(at * step);
  return found;
}

function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const unit of [1, 2, 5]) { const tick = unit * 10 ** power; if (tick >= low && tick <= high) found.push(tick); }
  }
  return found.length > 2 ? found : ticksBetween(low, high, 4).filter((tick) => tick > 0);
}

function timeTicks(first, last, most) {
  const year = (day) => new Date(day * 864e5).getUTCFullYear(), found = [];
  const span = (last - first) / 30.44;
  const step = [1, 2, 3, 6, 12, 24, 60, 120].find((months) => span / months <= most) ?? 240;
  for (let month = 12 * year(first); month <= 12 * year(last) + 12; month += step) {
    const text = `${Math.floor(month / 12)}${step % 12 ? `-${String((month % 12) + 1).padStart(2, "0")}` : ""}`;
    found.push({ day: Date.UTC(Math.floor(month / 12), month % 12) / 864e5, text });
  }
  return found.filter(({ day }) => day >= first && day <= last);
}

const pathOf = (days, values, x, y) => {
  let isDown = false;
  return days.map((day, at) => {
    const value = values[at];
    if (value === null) { isDown = false; return ""; }
    const step = `${isDown ? "L" : "M"}${x(day).toFixed(1)},${y(value).toFixed(1)}`;
    isDown = true;
    return step;
  }).join("");
};

/* NAV above, drawdown below, on one time axis. */
function chartOf(lines, isLog, width) {
  const right = 56, top = 8, high = width < 560 ? 200 : 280, gap = 30, low = width < 560 ? 80 : 110, bottom = 22;
  const first = Math.min(...lines.map((line) => line.days[0])), last = Math.max(...lines.map((line) => line.days.at(-1)));
  const x = (day) => 2 + (width - right - 4) * (day - first) / Math.max(1, last - first);
  const shown = lines.flatMap((line) => line.nav).filter((value) => value !== null && (!isLog || value > 0));
  const [least, most] = [Math.min(...shown, 100), Math.max(...shown, 100)];
  const scale = isLog ? Math.log : (value) => value;
  const room = (scale(most) - scale(least)) * 0.04 || 0.01;
  const [from, to] = [scale(least) - room, scale(most) + room];
  const y = (value) => top + high * (to - scale(value)) / (to - from);
  const deepest = Math.min(-0.01, ...lines.flatMap((line) => line.falls).filter((value) => value !== null));
  const under = top + high + gap;
  const fall = (value) => under + low * value / deepest;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${under + low + bottom}`, height: under + low + bottom, role: "img", "aria-label": "NAV and drawdown of the ticked runs; the numbers are in the table below" });
  const across = (at, text, kind) => svg.append(draw("line", { class: kind, x1: 0, x2: width - right, y1: at, y2: at }), draw("text", { x: width - right + 6, y: at + 4 }, text));
  const navTicks = isLog ? logTicks(Math.max(least, 1e-6), most) : ticksBetween(least, most, 5);
  for (const tick of navTicks) across(y(tick), tick.toLocaleString("en-US", { maximumFractionDigits: 2 }), tick === 100 ? "zero" : "grid");
  svg.append(draw("text", { x: 2, y: under - 9 }, "Drawdown, deepest of each period"));
  for (const tick of ticksBetween(deepest, 0, 3)) across(fall(tick), `${fixed(100 * tick, Math.abs(deepest) < 0.02 ? 1 : 0)} %`, tick === 0 ? "zero" : "grid");
  for (const { day, text } of timeTicks(first, last, width / 75)) {
    const anchor = x(day) < 20 ? "start" : x(day) > width - right - 20 ? "end" : "middle";
    svg.append(draw("line", { class: "grid", x1: x(day), x2: x(day), y1: under + low, y2: under + low + 4 }), draw("text", { x: x(day), y: under + low + 17, "text-anchor": anchor }, text));
  }
  for (const [at, line] of lines.entries()) {
    const nav = isLog ? line.nav.map((value) => (value > 0 ? value : null)) : line.nav;
    const style = `stroke:${line.colour};stroke-dasharray:${line.dash || "none"}`;
    svg.append(draw("path", { class: "fall", "data-run": at, d: pathOf(line.days, line.falls, x, fall), style }), draw("path", { class: "nav", "data-run": at, d: pathOf(line.days, nav, x, y), style }));
  }
  return { svg, dayAt: (px) => first + (px - 2) * (last - first) / (width - right - 4), x, bottom: under + low, first, last };
}

function figureOf(lines, where, units) {
  const holder = make("div", { class: "chart" });
  const values = lines.map(() => make("span", { class: "value" }));
  const when = make("span", { class: "when" });
  const legend = make("ul", { class: "keys", "aria-label": "Legend" }, ...lines.map((line, at) => {
    const swatch = make("span", { class: "swatch", style: `background:${line.colour}` });
    const item = make("li", {}, make("span", { class: "key" }, swatch, make("bdi", {}, line.name), values[at]));
    const pointAt = (on) => () => holder.querySelectorAll("path").forEach((path) => path.classList.toggle("faded", on && path.dataset.run !== String(at)));
    item.addEventListener("pointerenter", pointAt(true));
    item.addEventListener("pointerleave", pointAt(false));
    return item;
  }));
  const choices = ["Linear", "Log"].map((label, at) => make("button", { type: "button", "aria-pressed": String(at === 0) }, label));
  let isLog = false;
  function tell(day) {
    lines.forEach((line, at) => { const place = lastAt(line, day); values[at].textContent = fixed(place < 0 ? NaN : line.nav[place] ?? NaN, 1); });
    when.textContent = isoDay(Math.round(day));
  }
  function redraw() {
    if (!holder.isConnected) return;
    const chart = chartOf(lines, isLog, Math.max(280, holder.clientWidth));
    const pointer = draw("line", { class: "pointer", y1: 8, y2: chart.bottom, visibility: "hidden" });
    chart.svg.append(pointer);
    chart.svg.addEventListener("pointermove", (event) => {
      const day = Math.min(chart.last, Math.max(chart.first, chart.dayAt(event.clientX - chart.svg.getBoundingClientRect().left)));
      for (const side of ["x1", "x2"]) pointer.setAttribute(side, chart.x(day));
      pointer.setAttribute("visibility", "visible");
      tell(day);
    });
    chart.svg.addEventListener("pointerleave", () => { pointer.setAttribute("visibility", "hidden"); tell(chart.last); });
    holder.replaceChildren(chart.svg);
    tell(chart.last);
  }
  choices.forEach((button, at) => button.addEventListener("click", () => {
    isLog = at === 1;
    choices.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    redraw();
  }));
  const years = [...new Set(lines.flatMap((line) => line.days.map((day) => isoDay(day).slice(0, 4))))].sort();
  const ends = lines.map((line) => years.map((year) => {
    const place = lastAt(line, dayOf(`${year}-12-31`));
    return place > 0 && isoDay(line.days[place]).slice(0, 4) === year ? fixed(line.nav[place] ?? NaN, 1) : "–";
  }));
  const figure = make("figure", { class: "block" },
    make("figcaption", {}, make("h3", {}, "NAV, rebased"), when, make("span", { class: "switch", role: "group", "aria-label": "Scale" }, ...choices), legend,
      make("p", { class: "aside" }, `100 ${where}. Points are ${units}; backtest compare draws every session.`)),
    holder,
    make("details", { class: "data" }, make("summary", {}, "Show as table"), sides("NAV at the end of each year", years, lines, ends)));
  return { figure, redraw };
}

/* A table with a row for each run, or turned where there is more to say than there are runs. */
function sides(label, columns, lines, cells, { isTurned = false, isText = false } = {}) {
  const headOf = (line, scope) => make("th", { scope, title: line.name, ...(isText ? { class: "t" } : {}) }, make("span", { class: "swatch", style: `background:${line.colour}` }), make("bdi", {}, line.name));
  const cell = (text) => make("td", { title: text, ...(isText ? { class: "t" } : {}) }, make("bdi", {}, text));
  const name = (text, attributes) => make("th", attributes, make("bdi", {}, text));
  const rows = isTurned
    ? columns.map((column, at) => make("tr", {}, name(column, { scope: "row" }), ...lines.map((_, run) => cell(cells[run][at]))))
    : lines.map((line, run) => make("tr", {}, headOf(line, "row"), ...cells[run].map(cell)));
  const heads = isTurned ? lines.map((line) => headOf(line, "col")) : columns.map((column) => name(column, { scope: "col", ...(isText ? { class: "t" } : {}) }));
  return make("div", { class: isTurned || lines.length > 12 ? "scroll bounded" : "scroll", role: "region", tabindex: "0", "aria-label": label },
    make("table", { class: "sides" }, make("thead", {}, make("tr", {}, make("th", { scope: "col", class: "t" }, isTurned ? "Input" : "Run"), ...heads)), make("tbody", {}, ...rows)));
}

const listed = (names) => (names.length > 5 ? `${names.slice(0, 4).join(", ")} and ${names.length - 4} more` : names.join(", "));

/* Why the runs cannot be compared plainly. */
function reasonsOf(chosen, names) {
  const told = (values) => [...new Set(values)].map((value) => `${value || "unknown"} (${listed(names.filter((_, at) => values[at] === value))})`).join(", ");
  const hash = data.inputs.find((input) => input.key === "data (hash)");
  const sorts = [
    ["other dates", (run) => `${run.record.first} to ${run.record.last}`],
    ["other data", (run) => (hash && inputOf(hash, run)) || ""],
    ["other currencies", (run) => run.record.currency],
    ["other base exchanges", (run) => run.record.base],
  ];
  const found = sorts.map(([what, of]) => [what, chosen.map(of)]).filter(([, values]) => new Set(values).size > 1)
    .map(([what, values]) => `The runs have ${what}: ${told(values)}.`);
  const free = names.filter((_, at) => chosen[at].record.costs.startsWith("off"));
  if (free.length && free.length < names.length) found.push(`Costs are off in ${listed(free)} and on in the others.`);
  return found;
}

/* Words that a shell takes as one each. */
const quoted = (text) => (/^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function commandOf(chosen) {
  const here = location.protocol === "file:" ? decodeURIComponent(new URL(".", location.href).pathname).replace(/\/$/, "") : "reports";
  const isUsual = here.split("/").at(-1) === "reports";
  const runsSaid = chosen.map(({ path }) => (path.split("/").length === 2 ? path : `${isUsual ? "reports" : here}/${path}`));
  return ["backtest compare", ...runsSaid.map(quoted), ...(isUsual ? [] : ["--reports", quoted(here)])].join(" ");
}

function commandBlock(chosen) {
  const text = make("pre", { tabindex: "0" }, commandOf(chosen));
  const copy = make("button", { type: "button", class: "quiet" }, "Copy");
  copy.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(text.textContent); copy.textContent = "Copied"; } catch { getSelection().selectAllChildren(text); copy.textContent = "Selected"; }
  });
  return make("div", { class: "block" }, make("h3", {}, "The whole comparison, with its tests of luck"), make("div", { class: "command" }, text, copy));
}

let comparedNow = "";
let redrawComparison = () => {};

function showComparison() {
  const section = byId("comparison");
  const chosen = data && state.isCompared ? tickedRuns() : [];
  section.hidden = !chosen.length;
  const key = chosen.map((run) => run.path).join("\n");
  if (key === comparedNow) return;
  comparedNow = key;
  section.replaceChildren();
  if (!chosen.length) { state.isCompared = false; return; }
  const names = distinctNames(chosen);
  const { lines, where } = linesOf(chosen, names);
  const close = make("button", { type: "button", class: "quiet" }, "Close");
  close.addEventListener("click", () => { state.isCompared = false; update(); byId("compare")?.focus(); });
  const reasons = reasonsOf(chosen, names);
  const differing = varied.filter((input) => !input.dress && new Set(chosen.map((run) => inputOf(input, run))).size > 1);
  // What only some of the runs have (parameters of other strategies) comes after what all have.
  const hasAll = (input) => chosen.every((run) => inputOf(input, run) !== undefined);
  differing.sort((a, b) => hasAll(b) - hasAll(a));
  const inputs = chosen.map((run) => differing.map((input) => inputOf(input, run) ?? "–"));
  const units = [...new Set(chosen.map((run) => (run.record.unit === "session" ? "sessions" : `${run.record.unit} ends`)))].join(", ");
  const { figure, redraw } = figureOf(lines, where, units);
  section.append(
    make("div", { class: "head" }, make("h2", { id: "comparison-title" }, chosen.length === 1 ? names[0] : `Comparison of ${chosen.length} runs`), close),
    ...(reasons.length ? [make("div", { class: "notice", role: "note" }, make("h2", {}, "These runs are not alike: their numbers cannot be compared plainly"), make("ul", {}, ...reasons.map((text) => make("li", {}, text))))] : []),
    ...(chosen.length > 1 ? [make("div", { class: "block" }, make("h3", {}, "What differs in the inputs"),
      differing.length ? sides("What differs in the inputs", differing.map((input) => input.key), lines, inputs, { isTurned: differing.length > chosen.length, isText: true }) : make("p", { class: "empty" }, "Nothing: these runs have the same inputs."))] : []),
    figure,
    make("div", { class: "block" }, make("h3", {}, "Measures, each over its own run"), sides("Measures", data.measures, lines, chosen.map((run) => run.record.measures))),
    ...(chosen.length > 1 ? [commandBlock(chosen)] : []));
  redrawComparison = redraw;
  redraw();
}

let waitingToDraw = 0;
addEventListener("resize", () => { clearTimeout(waitingToDraw); waitingToDraw = setTimeout(() => redrawComparison(), 120); });
start();
